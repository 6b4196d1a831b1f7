// What a program does with LM Studio's JavaScript SDK: `node session.mjs sdk-1|sdk-2 HOST:PORT`. A line of JSON per step.

import assert from "node:assert/strict";
import { z } from "zod";

const [name, host] = process.argv.slice(2);
const { Chat, LMStudioClient, tool } = await import(name);

const LLM = "llama-3.2-1b-instruct";
const TOOLS = "qwen2.5-7b-instruct-1m";
const EMBEDDING = "text-embedding-nomic-embed-text-v1.5";
const VISION = "mobilevlm_v2-1.7b";
const DOT = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAQAAAC1HAwCAAAAC0lEQVR42mNk+A8AAQUBAScY42YAAAAASUVORK5CYII=";
const PATIENCE = 30_000;

const quiet = { debug() {}, info() {}, warn: console.error, error: console.error };
const client = new LMStudioClient({ baseUrl: `ws://${host}`, logger: quiet });
const greedy = { temperature: 0, maxTokens: 24 };
let llm;

const steps = {
  async version() {
    assert.match((await client.system.getLMStudioVersion()).version, /^\d+\.\d+/);
  },

  async list_downloaded() {
    const models = await client.system.listDownloadedModels();
    assert(models.some(model => model.modelKey === LLM && model.type === "llm" && model.sizeBytes > 1e6));
    assert.deepEqual((await client.system.listDownloadedModels("embedding")).map(model => model.modelKey), [EMBEDDING]);
  },

  async no_such_model() {
    await assert.rejects(client.llm.load("no-such-model", { verbose: false }), /no-such-model/);
    await assert.rejects(client.llm.createDynamicHandle("no-such-model").respond("Hi"), /no-such-model/);
  },

  async load() {
    const told = [];
    const options = { identifier: "mine", config: { contextLength: 512 }, verbose: false };
    llm = await client.llm.load(LLM, { ...options, onProgress: progress => told.push(progress) });
    assert.equal(llm.identifier, "mine");
    assert.equal(told[0], 0);
    assert.equal(told.at(-1), 1);
    assert.deepEqual(told, [...told].sort((a, b) => a - b));
    assert.deepEqual((await client.llm.listLoaded()).map(model => model.identifier), ["mine"]);
    assert.equal(await llm.getContextLength(), 512);
    await assert.rejects(client.llm.load(LLM, options), /already exists/);
  },

  async cancel_load() {
    const stop = new AbortController();
    const loading = client.llm.load(LLM, { verbose: false, signal: stop.signal, onProgress: () => stop.abort() });
    await assert.rejects(loading, /abort/i);
    assert.deepEqual((await client.llm.listLoaded()).map(model => model.identifier), ["mine"]);
  },

  async loaded_already() {
    const told = [];
    const model = await client.llm.model(LLM, { verbose: false, onProgress: progress => told.push(progress) });
    assert.equal(model.identifier, "mine"); // it is there already, under another name
    assert.equal((await client.llm.model()).identifier, "mine");
    assert.deepEqual(told, []);
  },

  async info() {
    const info = await llm.getModelInfo();
    assert.equal(info.modelKey, LLM);
    assert.equal(info.contextLength, 512);
    assert.equal(info.vision, false);
    if (name === "sdk-2") assert.deepEqual(await llm.getInstanceProcessingState(), { status: "idle", queued: 0 });
  },

  async stream() {
    const read = [];
    let first = 0;
    const chat = Chat.from([{ role: "system", content: "Be brief." }, { role: "user", content: "Say hello. ".repeat(40) }]);
    const prediction = llm.respond(chat, {
      ...greedy,
      onPromptProcessingProgress: progress => read.push(progress),
      onFirstToken: () => first++,
    });
    let text = "";
    for await (const fragment of prediction) {
      assert.equal(fragment.reasoningType, "none");
      text += fragment.content;
    }
    const result = await prediction.result();
    assert.equal(result.content, text);
    assert(text.length > 0);
    assert.equal(first, 1);
    assert.equal(read[0], 0);
    assert.equal(read.at(-1), 1);
    assert(["eosFound", "maxPredictedTokensReached"].includes(result.stats.stopReason));
    assert(result.stats.promptTokensCount > 100);
    assert(result.stats.predictedTokensCount > 0);
    assert.equal(result.modelInfo.identifier, "mine");
    if (name === "sdk-2") assert(result.stats.totalTimeSec > 0);
  },

  async second_turn() {
    const chat = Chat.from([{ role: "user", content: "Say hello. ".repeat(40) }]);
    await llm.respond(chat, greedy);
    chat.append("assistant", "Hello.");
    chat.append("user", "And again.");
    const told = [];
    await llm.respond(chat, { ...greedy, onPromptProcessingProgress: (_, details) => told.push(details) });
    if (name === "sdk-1") return; // it does not pass the details on
    const { cachedTokenCount: cached, totalPromptTokenCount: total } = told.at(-1);
    assert(cached > 100 && total - cached < 40, `${cached} of ${total} tokens were read before`);
  },

  async complete() {
    const result = await llm.complete("1, 2, 3, 4, 5, 6, 7,", { ...greedy, stopStrings: ["10"] });
    assert.equal(result.content.replaceAll(" ", ""), "8,9,");
    assert.equal(result.stats.stopReason, "stopStringFound");
  },

  async cancel() {
    const prediction = llm.complete("1, 2, 3, 4, 5, 6, 7,", { temperature: 0, maxTokens: 400 });
    let count = 0;
    for await (const _ of prediction) if (++count === 3) await prediction.cancel();
    assert.equal((await prediction.result()).stats.stopReason, "userStopped");
    assert(count < 100);
  },

  async structured() {
    const form = z.object({ name: z.enum(["Ada", "Grace"]), age: z.number().int().min(1).max(99) });
    const result = await llm.respond("Who?", { structured: form, temperature: 0, maxTokens: 100 });
    assert.deepEqual(form.parse(result.parsed), result.parsed);
  },

  async act() {
    const sums = [];
    const said = [];
    const add = tool({
      name: "add",
      description: "Add two numbers.",
      parameters: { a: z.number(), b: z.number() },
      implementation: ({ a, b }) => (sums.push([a, b]), a + b),
    });
    const model = await client.llm.model(TOOLS, { verbose: false });
    const result = await model.act("What is 12 plus 30?", [add], { onMessage: message => said.push(message) });
    assert.deepEqual(sums, [[12, 30]]);
    assert.equal(result.rounds, 2);
    assert.deepEqual(said.map(message => message.getRole()), ["assistant", "tool", "assistant"]);
    assert.match(said.at(-1).getText(), /42/);
    await model.unload();
  },

  async tokens() {
    const tokens = await llm.tokenize("Hello, world!");
    assert(tokens.length > 1);
    assert.equal(await llm.countTokens("Hello, world!"), tokens.length);
    assert.match(await llm.applyPromptTemplate("Hello"), /Hello/);
  },

  async embed() {
    const model = await client.embedding.model(EMBEDDING, { verbose: false });
    assert.deepEqual((await client.embedding.listLoaded()).map(each => each.identifier), [EMBEDDING]);
    const cosine = (one, other) => one.reduce((sum, number, i) => sum + number * other[i], 0);
    const texts = ["The cat sits on the mat.", "A kitten rests on a rug.", "Interest rates rose in March."];
    const [cat, kitten, rates] = (await model.embed(texts)).map(each => each.embedding);
    assert.equal(cat.length, 768);
    assert(cosine(cat, kitten) > 0.6 && Math.abs(cosine(cat, rates)) < 0.1);
    assert.equal((await model.tokenize("Hello, world!")).length, (await model.countTokens("Hello, world!")) + 2);
    await model.unload();
  },

  async picture() {
    const picture = await client.files.prepareImageBase64("dot.png", DOT);
    assert(picture.isImage());
    assert.equal(picture.sizeBytes, 68);
    await assert.rejects(picture.getFilePath(), /does not tell where files lie/);
    const messages = [{ role: "user", content: "What is it?", images: [picture] }];
    await assert.rejects(llm.respond(messages), /cannot look at pictures, and “dot.png” is one/);
    const seeing = await client.llm.model(VISION, { verbose: false });
    assert.equal((await seeing.getModelInfo()).vision, true);
    const result = await seeing.respond(messages);
    assert.equal(result.content, "You said: What is it? I was given the image “dot.png” of 68 bytes.");
    await seeing.unload();
  },

  async document() {
    const note = await client.files.prepareFileBase64("note.md", Buffer.from("Rhubarb.").toString("base64"));
    assert.equal(note.isImage(), false);
    const embeddingModel = await client.embedding.model(EMBEDDING, { verbose: false });
    await assert.rejects(client.files.retrieve("What?", [note], { embeddingModel }), /does not read or search documents/);
    await embeddingModel.unload();
  },

  async search() {
    assert.deepEqual(await client.repository.searchModels({ searchTerm: "no such model" }), []);
    const [found] = await client.repository.searchModels({ searchTerm: "smollm2", limit: 1 });
    assert.equal(found.name, "SmolLM2 135M Instruct");
    const [option] = await found.getDownloadOptions();
    assert.match(option.name, /^SmolLM2.*\.gguf$/);
    assert.ok(option.isRecommended());
    let finalizing = 0;
    assert.equal(await option.download({ onStartFinalizing: () => finalizing++ }), "smollm2-135m-instruct");
    assert.equal(finalizing, 1);
  },

  async unload() {
    await llm.unload();
    assert.deepEqual(await client.llm.listLoaded(), []);
    await assert.rejects(llm.respond("Hi"));
    await assert.rejects(client.llm.unload("mine"), /mine/);
  },
};

function inTime(step) {
  let timer;
  const late = new Promise((_, fail) => (timer = setTimeout(() => fail(new Error(`no answer in ${PATIENCE} ms`)), PATIENCE)));
  return Promise.race([step(), late]).finally(() => clearTimeout(timer));
}

for (const [step, play] of Object.entries(steps)) {
  const began = performance.now();
  const error = await inTime(play).then(() => null, failed => failed.stack);
  console.log(JSON.stringify({ step, error, ms: Math.round(performance.now() - began) }));
}
await client[Symbol.asyncDispose]?.();
process.exit(0);
