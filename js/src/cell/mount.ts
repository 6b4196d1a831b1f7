/** From a model to a view, and from the last word to the saved output. */

import { codeFinisher } from "../code/block";
import { h } from "../dom";
import { announce, prepare } from "../host/announcer";
import type { Assets } from "../host/assets";
import { keepFocus } from "../host/focus";
import { interrupt, kernelStatus, onKernelGone, onReconnected } from "../host/kernel";
import { listen, reach, type Model, type MountArgs } from "../host/model";
import { placesOf } from "../host/outputs";
import { holdStill } from "../host/scroll";
import { typesetter } from "../host/typesetter";
import type { Bundle, State } from "../protocol";
import { lastForm } from "../saved/bundle";
import { Store, type Doors } from "./store";
import { CellView } from "./view";
import { announcement } from "./words";

/** One output's answers on this page: their stores, and the views that show them, the first of which does the talking. */
class Cell {
  readonly stores: Store[];
  private readonly views: MountArgs[] = [];
  private readonly life = new AbortController();

  constructor(first: MountArgs) {
    const others = first.model.get("others");
    const traits = Array.isArray(others) ? others.map((other) => (name: string) => reach(other, name)) : [];
    this.views.push(first);
    this.stores = [(name: string) => first.model.get(name), ...traits].map((get, at) => {
      const store = new Store(this.doors(at), traits.length > 0);
      store.load(get);
      return store;
    });
    prepare();
    for (const store of this.stores) this.speakFor(store);
  }

  private doors(at: number): Doors {
    return {
      say: (message) => this.model.send(message),
      settle: (bundle) => void this.settle(bundle),
      other: (which, message) => at === 0 && which > 0 && this.stores[which]?.take(message),
      interrupt: () => interrupt(this.model),
      background: () => this.model.get("background") === true,
      kernelStatus: () => kernelStatus(this.model),
      abandon: () => void this.abandon(),
    };
  }

  /** The answer that does the talking for all. */
  get store(): Store {
    return this.stores[0] as Store;
  }

  /** Stages are said aloud once, however many views there are. */
  private speakFor(store: Store): void {
    let before: State | null = null;
    const speak = (): void => {
      const { state } = store;
      const said = before;
      before = state;
      if (said?.status === state.status && said.who === state.who) return;
      const words = announcement(state, said);
      if (words) announce(words);
    };
    speak();
    store.subscribe(speak, this.life.signal);
  }

  private get model(): Model {
    return (this.views[0] as MountArgs).model;
  }

  add(args: MountArgs, assets: Assets): void {
    const { model, el, signal } = args;
    if (!this.views.includes(args)) this.views.push(args);
    const speaks = (): boolean => this.views[0] === args;
    listen(model, "msg:custom", (raw) => speaks() && this.store.hear(raw), signal);
    // A page that has reconnected gets the state anew.
    listen(model, "change:seq", () => speaks() && this.reload(), signal);
    listen(model, "comm:close", () => speaks() && this.die(), signal);
    onKernelGone(model, () => speaks() && void this.abandon(), signal);
    onReconnected(model, () => speaks() && this.store.greet(), signal);
    const finish = { maths: typesetter(model, assets), code: codeFinisher(assets) };
    const columns = this.stores.map((store) => new CellView(store, finish, signal).element);
    el.append(...(columns.length > 1 ? [h("div", { class: "lmnb-beside" }, ...columns)] : columns));
    this.store.greet();
  }

  private reload(): void {
    const others = this.model.get("others");
    this.stores.forEach((store, at) => store.load((name) => (at ? reach(others, String(at - 1), name) : this.model.get(name))));
  }

  private die(): void {
    for (const store of this.stores) store.die();
  }

  /** Takes a view away; true when none is left. */
  remove(args: MountArgs): boolean {
    this.views.splice(this.views.indexOf(args), 1);
    if (this.views.length > 0) return false;
    this.life.abort();
    for (const store of this.stores) store.dispose();
    return true;
  }

  /** Puts the static form in place of every output that shows this answer, and says how many there were. */
  private async settle(bundle: Bundle): Promise<void> {
    const { model } = this;
    const places = await placesOf(model).catch(() => []);
    let count = 0;
    await this.still(() => {
      for (const place of places) {
        place.replace(bundle);
        count += 1;
      }
    });
    model.send({ kind: "settled", count });
  }

  /** The kernel is gone: the view writes down what it has, as nobody else can. */
  private async abandon(): Promise<void> {
    if (!this.stores.some((store) => store.running)) return;
    this.die();
    const { model, stores } = this;
    const places = await placesOf(model).catch(() => []);
    await this.still(() => {
      for (const place of places) place.replace(lastForm(stores, place.metadata));
    });
  }

  /** Takes the views away without moving the page or losing the keyboard's place. */
  private async still(work: () => void): Promise<void> {
    const shown = this.views.map(({ el }) => el).filter((el) => el.isConnected);
    const element = shown.find((el) => el.contains(document.activeElement)) ?? shown[0];
    if (element) await keepFocus(element, () => holdStill(element, work));
    else work();
  }
}

const cells: { state: unknown; cell: Cell }[] = [];

/** Mounts a view; views of the same model share what they know. */
export function mountCell(args: MountArgs, assets: Assets): void {
  if (args.signal.aborted) return;
  // Each view gets a proxy of its own; the state object behind it is the model's.
  const state = args.model.get("state");
  let entry = state ? cells.find((known) => known.state === state) : undefined;
  if (!entry) {
    entry = { state, cell: new Cell(args) };
    cells.push(entry);
  }
  const { cell } = entry;
  cell.add(args, assets);
  const leave = (): void => {
    if (cell.remove(args)) cells.splice(cells.findIndex((known) => known.cell === cell), 1);
  };
  args.signal.addEventListener("abort", leave, { once: true });
}
