import assert from "node:assert/strict";
import { test } from "node:test";

import { opening } from "../src/markdown/forms";

test("what is no data is not coloured as if it were some", () => {
  const fence = "~".repeat(64);
  assert.equal(opening('{"a": 1}', "json", true), `${fence}json\n`);
  assert.equal(opening("\n[1]", "json", false), `${fence}json\n`);
  assert.equal(opening("not json at all", "json", true), `${fence}\n`);
  assert.equal(opening("```json\n{}", "json", false), "");
  assert.equal(opening("``", "json", false), null);
  assert.equal(opening("x = 1", "code", true), `${fence}python\n`);
});
