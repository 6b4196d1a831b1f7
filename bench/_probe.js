// What a page notices of a run: every message of the kernel's websocket, long tasks, and when the last words are painted.
(() => {
  const END = "§END§", HEAD = 500;
  let frames = [], long = [], finish, timer = 0, watching = false, gone = false, where = ".jp-OutputArea";

  const Native = window.WebSocket;
  window.WebSocket = class extends Native {
    constructor(...args) {
      super(...args);
      if (!String(args[0]).includes("/channels")) return;
      this.addEventListener("message", ({ data }) => {
        const text = typeof data === "string";
        frames.push([Date.now(), text ? data.length : data.byteLength, data.slice(0, HEAD)]);
      });
    }
  };

  new PerformanceObserver((list) => long.push(...list.getEntries().map((e) => e.duration))).observe({ type: "longtask" });

  // The kernel's frames begin with a number of offsets; the header follows them: what it is, and when it was sent.
  const read = (at, size, head) => {
    const text = typeof head === "string" ? head : new TextDecoder("latin1").decode(head);
    const type = /"msg_type": ?"(\w+)"/.exec(text)?.[1] ?? "?";
    const sent = Date.parse(/"date": ?"([^"]+)"/.exec(text)?.[1].replace(/(\.\d{3})\d*/, "$1") ?? "");
    return [at, size, type, sent || at];
  };

  const output = () => [...document.querySelectorAll(".jp-CodeCell")].at(-1)?.querySelector(where);

  // The last few words of an element, without reading the others.
  const ends = (at, left) => {
    for (let node = at.lastChild; node && left.count > 0; node = node.previousSibling) {
      if (node.nodeType === Node.TEXT_NODE) {
        if (!node.data.trim()) continue;
        left.count -= 1;
        if (node.data.slice(-40).includes(END)) return true;
      } else if (ends(node, left)) return true;
    }
    return false;
  };

  const painted = () => {
    const channel = new MessageChannel();
    channel.port1.onmessage = () => finish(Date.now());
    channel.port2.postMessage(0); // a task after this frame
  };

  const look = () => {
    if (!watching) return;
    const place = output();
    const there = place && ends(place, { count: 8 });
    if (there && gone) {
      watching = false;
      painted();
    } else {
      gone ||= !there; // the words of the run before
      requestAnimationFrame(look);
    }
  };

  const probe = (window.__probe = {
    painted: null,
    // `after`: milliseconds in which the end cannot have come. Frames are not asked for before, as they cost time.
    // `place`: the element of the last cell that will hold it.
    begin(after, place) {
      where = place;
      gone = false;
      frames = [];
      long = [];
      probe.painted = new Promise((resolve) => (finish = resolve));
      timer = setTimeout(() => {
        watching = true;
        look();
      }, after);
    },
    end() {
      clearTimeout(timer);
      watching = false;
      return { long, frames: frames.map((frame) => read(...frame)) };
    },
    shown() {
      const place = output()?.cloneNode(true);
      if (!place) return "";
      for (const other of place.querySelectorAll(".lmnb-head, .lmnb-code-acts, .jp-OutputPrompt")) other.remove();
      return place.textContent;
    },
  });
})();
