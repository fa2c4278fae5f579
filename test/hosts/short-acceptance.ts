/** The acceptance in some seconds: whether it can measure, and judges. Each figure that has a limit must have been measured. */
export const SHORT_ACCEPTANCE = {
  verify_disruptive: false,
  verify_logins: 5,
  verify_queries: 20,
  verify_normal_seconds: 1,
  verify_sample_seconds: 0.2,
  verify_limits: {
    connection_ms: 60_000,
    wait_ms: 60_000,
    overhead_ms: 60_000,
    utilisation_percent: 101,
    reuse_percent: null,
    clients: null,
    reduction_percent: null,
  },
};
