/** From a model to a view, and from the last word to the saved output. */

import { codeFinisher } from "../code/block";
import { announce, prepare } from "../host/announcer";
import type { Assets } from "../host/assets";
import { keepFocus } from "../host/focus";
import { interrupt, kernelStatus, onKernelGone, onReconnected } from "../host/kernel";
import { listen, type Model, type MountArgs } from "../host/model";
import { placesOf } from "../host/outputs";
import { holdStill } from "../host/scroll";
import { typesetter } from "../host/typesetter";
import type { Bundle, State } from "../protocol";
import { lastForm } from "../saved/bundle";
import { Store } from "./store";
import { CellView } from "./view";
import { announcement } from "./words";

/** One answer on this page: its store and the views that show it, the first of which does the talking. */
class Cell {
  readonly store: Store;
  private readonly views: MountArgs[] = [];
  private readonly life = new AbortController();
  private said: State | null = null;

  constructor(first: MountArgs) {
    this.store = new Store({
      say: (message) => this.model.send(message),
      settle: (bundle) => void this.settle(bundle),
      interrupt: () => interrupt(this.model),
      kernelStatus: () => kernelStatus(this.model),
      abandon: () => void this.abandon(),
    });
    this.views.push(first);
    this.store.load(first.model);
    prepare();
    this.speak();
    this.store.subscribe(() => this.speak(), this.life.signal);
  }

  /** Stages are said aloud once, however many views there are. */
  private speak(): void {
    const { state } = this.store;
    const before = this.said;
    this.said = state;
    if (before?.status === state.status && before.who === state.who) return;
    const words = announcement(state, before);
    if (words) announce(words);
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
    listen(model, "change:seq", () => speaks() && this.store.load(model), signal);
    listen(model, "comm:close", () => speaks() && this.store.die(), signal);
    onKernelGone(model, () => speaks() && void this.abandon(), signal);
    onReconnected(model, () => speaks() && this.store.greet(), signal);
    const finish = { maths: typesetter(model, assets), code: codeFinisher(assets) };
    const view = new CellView(this.store, finish, signal);
    el.append(view.element);
    this.store.greet();
  }

  /** Takes a view away; true when none is left. */
  remove(args: MountArgs): boolean {
    this.views.splice(this.views.indexOf(args), 1);
    if (this.views.length > 0) return false;
    this.life.abort();
    this.store.dispose();
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
    if (!this.store.running) return;
    this.store.die();
    const { model, store } = this;
    const places = await placesOf(model).catch(() => []);
    await this.still(() => {
      for (const place of places) place.replace(lastForm(store, place.metadata));
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
