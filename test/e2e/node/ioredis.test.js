// ioredis against a server: node ioredis.test.js PORT. Ends with status 0 when all is as a client expects.
"use strict";
const assert = require("node:assert/strict");
const Redis = require("ioredis");

async function main() {
  const options = { port: Number(process.argv[2]), host: "127.0.0.1", maxRetriesPerRequest: 1, retryStrategy: () => null };
  const redis = new Redis({ ...options, connectionName: "ioredis-test" });
  await redis.flushall();
  assert.equal(await redis.set("k", "v"), "OK");
  assert.equal(await redis.get("k"), "v");
  assert.equal(await redis.get("missing"), null);
  assert.equal(await redis.set("k", "w", "EX", 100, "NX"), null);
  assert.equal(await redis.client("GETNAME"), "ioredis-test");
  assert.deepEqual(await redis.getBuffer("k"), Buffer.from("v"));

  await redis.mset({ a: 1, b: 2, c: 3 });
  assert.deepEqual(await redis.mget("a", "b", "nothing", "c"), ["1", "2", null, "3"]);
  assert.equal(await redis.incrby("a", 41), 42);
  await assert.rejects(redis.incr("k"), /ERR value is not an integer or out of range/);

  const pipeline = redis.pipeline();
  for (let i = 0; i < 500; i++) pipeline.set(`p:${i}`, i).get(`p:${i}`);
  const replies = await pipeline.exec();
  assert.equal(replies.length, 1000);
  replies.forEach(([error, reply], i) => {
    assert.equal(error, null);
    assert.equal(reply, i % 2 === 0 ? "OK" : String((i - 1) / 2));
  });

  const found = new Set();
  for await (const keys of redis.scanStream({ match: "p:*", count: 50 })) keys.forEach((key) => found.add(key));
  assert.equal(found.size, 500);

  const all = await Promise.all(Array.from({ length: 200 }, (_, i) => redis.get(`p:${i}`)));
  assert.deepEqual(all, Array.from({ length: 200 }, (_, i) => String(i)));
  assert.match(await redis.info("server"), /redis_version:/);

  const crowd = Array.from({ length: 20 }, () => new Redis(options));
  await Promise.all(crowd.map((client) => client.incr("counter")));
  assert.equal(await redis.get("counter"), "20");
  await Promise.all(crowd.map((client) => client.quit()));
  await redis.quit();
}

main().then(
  () => console.log("ioredis: ok"),
  (error) => {
    console.error(error);
    process.exit(1);
  },
);
