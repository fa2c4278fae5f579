import { expect, test } from "vitest";
import { poly1305Module } from "../../src/transport/poly1305.ts";

test("the sum of two pieces is that of RFC 8439, 2.5.2, wherever the message is cut", async () => {
  const key = Buffer.from("85d6be7857556d337f4452fe42d506a80103808afb0db2fd4abff6af4149f51b", "hex");
  const message = Buffer.from("Cryptographic Forum Research Group");
  const module = await poly1305Module();
  const add = module.cwrap();
  for (let cut = 0; cut <= message.length; cut++) {
    const rest = Buffer.concat([message.subarray(cut), Buffer.from("beyond")]);
    add(module._malloc(), message, cut, rest, message.length - cut, key);
    expect(Buffer.from(module.HEAPU8.buffer).toString("hex")).toBe("a8061dc1305136c6c22b8baf0c0127a9");
  }
});
