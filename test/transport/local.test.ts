import { openLocal } from "../../src/transport/local.ts";
import { transportContract } from "./contract.ts";

transportContract(async () =>
  openLocal({
    name: "localhost",
    connection: "local",
    hostKeyPolicy: "strict",
    connectTimeoutMs: 1000,
    becomeMethod: "sudo",
  }),
);
