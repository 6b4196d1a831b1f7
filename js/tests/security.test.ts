import "./dom";
import assert from "node:assert/strict";
import { test } from "node:test";
import { problemBlock } from "../src/cell/problem";
import { colour, learn } from "../src/code/colour";
import find from "../src/colours";
import { h } from "../src/dom";
import { decode } from "../src/markdown/entities";
import { address } from "../src/markdown/links";
import { MarkdownStream } from "../src/markdown/stream";
import { Renderer } from "../src/markdown/render";

learn(find);

function shown(text: string): HTMLElement {
  const host = document.createElement("div");
  let clock = 0;
  const stream = new MarkdownStream(host, new Renderer({ maths: () => undefined, code: (_frame, code, source) => code.replaceChildren(...colour(source, "python")) }), () => clock);
  for (const piece of text.match(/[\s\S]{1,7}/g) ?? []) {
    stream.append(piece);
    while (stream.paint()) clock += 50;
  }
  stream.end();
  return host;
}

const HOSTILE = [
  "<script>alert(1)</script>",
  "<img src=x onerror=alert(1)>",
  "<svg onload=alert(1)>",
  "<iframe src='javascript:alert(1)'></iframe>",
  "<style>*{display:none}</style>",
  "<link rel=stylesheet href=http://x.org>",
  "<a href='javascript:alert(1)'>x</a>",
  "[a](javascript:alert(1)) [b](JaVaScRiPt:alert(1)) [c](  javascript:alert(1)) [d](java&#115;cript:alert(1)) [e](java\tscript:alert(1))",
  "[a](data:text/html;base64,PHNjcmlwdD4=) [b](vbscript:x) [c](file:///etc/passwd) [d](blob:http://x/1) [e](//x.org) [f](/api/kernels) [g](#id)",
  "<javascript:alert(1)> <http://x.org/<script>>",
  "![a](http://x.org/a.png) ![b](data:image/svg+xml,<svg>) ![c](javascript:alert(1)) ![\"onerror=alert(1)](x)",
  "[x](http://x.org \"title\\\" onmouseover=alert(1)\")",
  "&lt;script&gt;alert(1)&lt;/script&gt; &#60;img src=x onerror=alert(1)&#62;",
  "```python\n</code></pre><script>alert(1)</script>\n```",
  "```\"><script>alert(1)</script>\nx\n```",
  "`<img src=x onerror=alert(1)>`",
  "| <script> | b |\n|--|--|\n| <img src=x onerror=alert(1)> | [x](javascript:alert(1)) |",
  "$\\href{javascript:alert(1)}{x}$ $$<script>alert(1)</script>$$",
  "- [ ] <img src=x onerror=alert(1)>",
  "[r]\n\n[r]: javascript:alert(1)",
  "# <form action=http://x.org><input name=a></form>",
  "<!-- --><script>alert(1)</script><!--",
  "<div\n\nonclick=alert(1)>",
];

const ALLOWED = new Set("P DIV SPAN BDI PRE CODE UL OL LI TABLE THEAD TBODY TR TH TD A STRONG EM S BR HR H1 H2 H3 H4 H5 H6 BLOCKQUOTE".split(" "));
const ATTRIBUTES = new Set("class dir href rel target title start tabindex role aria-label".split(" "));

for (const text of HOSTILE) {
  test(`shown as text: ${text.slice(0, 60).replaceAll("\n", "⏎")}`, () => {
    const host = shown(text);
    for (const element of host.querySelectorAll("*")) {
      assert.ok(ALLOWED.has(element.tagName), element.tagName);
      for (const { name, value } of [...element.attributes]) {
        assert.ok(ATTRIBUTES.has(name), name);
        if (name === "href") assert.match(value, /^(?:https?:\/\/|mailto:)/);
      }
      if (element.tagName === "A") assert.equal(element.getAttribute("rel"), "noopener noreferrer nofollow");
    }
  });
}

test("raw HTML is there, word for word", () => {
  assert.equal(shown("a <b onclick=x>bold</b> <img src=x>").textContent, "a <b onclick=x>bold</b> <img src=x>");
  assert.equal(shown("<script>\nalert(1)\n</script>").textContent, "<script>\nalert(1)\n</script>");
});

test("images are never loaded: a link, or words", () => {
  const host = shown("![a chart](http://x.org/a.png) ![b](data:x)");
  assert.equal(host.textContent, "[image: a chart] [image: b]");
  assert.equal(host.querySelectorAll("img").length, 0);
  assert.equal(host.querySelectorAll("a").length, 1);
});

test("only the web and mail are linked to", () => {
  for (const good of ["http://x.org", "https://x.org/a?b=1&c=2", "HTTPS://X.org", "mailto:a@b.c"]) assert.equal(address(good), good);
  for (const bad of ["javascript:alert(1)", " javascript:x", "java\nscript:x", "&#106;avascript:x", "data:x", "//x.org", "/a", "a.html", "#a", "", "http:", "httpx://a", "\u0001javascript:x"]) {
    assert.equal(address(bad), null, bad);
  }
  assert.equal(address("ht&#116;p://x.org/&amp;"), "http://x.org/&");
});

test("characters that turn or hide are written out, and joiners where they are no part of a word", () => {
  assert.equal(shown("a\u202eb\u2066c\u200bd\ufeff").textContent, "aU+202EbU+2066cU+200BdU+FEFF");
  assert.equal(shown("`a\u202eb`").textContent, "aU+202Eb");
  assert.equal(shown("```\na\u200db\n```").textContent, "aU+200Db");
  assert.equal(shown("\ud83d\udc68\u200d\ud83d\udc69 \u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645").textContent, "\ud83d\udc68\u200d\ud83d\udc69 \u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645");
  assert.equal(shown("pass\u200dword").textContent, "passU+200Dword");
  assert.equal(shown("[pay\u202epal](http://x.org/\u202egpj.exe)").querySelector("a")?.getAttribute("href"), "http://x.org/gpj.exe");
});

test("a problem's words are text as well", () => {
  const block = problemBlock({ kind: "x", title: "<b>no</b> `m\u202e`", lines: ["run `lms <server> start`"], choices: [{ name: "<i>", note: "\u202e2 GB" }] });
  assert.equal(block.querySelectorAll("b, i").length, 0);
  assert.deepEqual([...block.querySelectorAll("code")].map((code) => code.textContent), ["mU+202E", "lms <server> start"]);
});

test("character references are read by table and number", () => {
  assert.equal(decode("&amp;lt; &#x1F600; &#0; &#xD800; &#1114112; &bogus; &constructor; &toString; &"), "&lt; 😀 � � � &bogus; &constructor; &toString; &");
});

test("coloured code is the code", () => {
  const code = 'def f(x):\n    return f"{x!r:>10} <b>" + \'a\'  # \u202e\n';
  assert.equal(h("code", {}, ...colour(code, "python")).textContent, code.replace("\u202e", "U+202E"));
});
