// node-redis against a server: node node_redis.test.js PORT. Ends with status 0 when all is as a client expects.
"use strict";
const assert = require("node:assert/strict");
const { createClient } = require("redis");

async function main() {
  const url = `redis://127.0.0.1:${process.argv[2]}`;
  const client = createClient({ url, name: "node-redis-test", socket: { reconnectStrategy: false } });
  client.on("error", () => {});
  await client.connect();
  await client.flushAll();
  assert.equal(await client.ping(), "PONG");
  assert.equal(await client.set("k", "v", { EX: 100 }), "OK");
  assert.equal(await client.get("k"), "v");
  assert.ok((await client.ttl("k")) > 95);
  assert.equal(await client.set("k", "w", { NX: true }), null);
  assert.equal(await client.set("k", "w", { XX: true, GET: true }), "v");
  assert.equal(await client.clientGetName(), "node-redis-test");

  await client.mSet({ a: "1", b: "2", c: "3" });
  assert.deepEqual(await client.mGet(["a", "missing", "c"]), ["1", null, "3"]);
  assert.equal(await client.incrByFloat("a", 0.5), "1.5");
  assert.equal(await client.append("b", "x"), 2);
  assert.equal(await client.copy("b", "d"), true);
  assert.equal(await client.rename("d", "e"), "OK");
  assert.equal(await client.exists(["a", "b", "c", "d", "e"]), 4);
  assert.equal(await client.setBit("bits", 7, 1), 0);
  assert.equal(await client.bitCount("bits"), 1);
  await assert.rejects(client.incr("k"), /ERR value is not an integer/);

  // Commands issued together leave as one pipeline.
  const replies = await Promise.all(Array.from({ length: 1000 }, (_, i) => client.set(`p:${i}`, String(i))));
  assert.ok(replies.every((reply) => reply === "OK"));
  const keys = new Set();
  for await (const key of client.scanIterator({ MATCH: "p:*", COUNT: 100 })) keys.add(key);
  assert.equal(keys.size, 1000);

  const second = client.duplicate();
  second.on("error", () => {});
  await second.connect();
  await second.select(3);
  await second.set("elsewhere", "x");
  assert.equal(await client.get("elsewhere"), null);
  await second.flushDb();
  await second.quit();
  assert.match(await client.info(), /# Server/);
  await client.quit();
}

main().then(
  () => console.log("node-redis: ok"),
  (error) => {
    console.error(error);
    process.exit(1);
  },
);
