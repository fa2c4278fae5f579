import fc from "fast-check";

/** What properties are tried with is the same in each run: a run says the same twice, and a change is judged by what it changes. PLUMB_TEST_SEED=N tries others. */
fc.configureGlobal({ seed: Number(process.env["PLUMB_TEST_SEED"] ?? 20_261_126) });
