/** The asset `maths`: TeX to MathML elements. Made of nodes, never of a string of HTML; nothing in it is trusted. */

import temml from "temml";
import type { SetMaths } from "./host/typesetter";

const setMaths: SetMaths = (tex, display) => {
  const span = document.createElement("span");
  temml.render(tex, span, { displayMode: display, trust: false, throwOnError: true, maxExpand: 500, maxSize: [20, 20] });
  return span;
};

export default setMaths;
