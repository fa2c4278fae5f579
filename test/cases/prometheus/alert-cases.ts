import { stringify } from "yaml";

/** What makes an alert fire, and what comes close and must not. Values are promtool's: `1+2x10` is 1, 3, 5, ...; a minute between two. */
export interface AlertCase {
  alert: string;
  fires: Readonly<Record<string, string>>;
  quiet: Readonly<Record<string, string>>;
  /** How many series fire. */
  count?: number;
  /** When that is looked at, where it takes longer than usual. */
  at?: string;
}

const ON = 'instance="pool1",job="pgbouncer"';
const POOL = `${ON},database="app",user="app"`;
const NAMED = `${ON},name="app"`;
const up = { [`up{${ON}}`]: "1x90" };
const pool = (servers: number, waiting: number): Record<string, string> => ({
  ...up,
  [`pgbouncer_pools_server_active_connections{${POOL}}`]: `${servers}x90`,
  ...Object.fromEntries(
    ["idle", "used", "testing", "login"].map((kind) => [
      `pgbouncer_pools_server_${kind}_connections{${POOL}}`,
      "0x90",
    ]),
  ),
  [`pgbouncer_databases_pool_size{${NAMED},database="app_production"}`]: "10x90",
  [`pgbouncer_pools_client_waiting_connections{${POOL}}`]: `${waiting}x90`,
});
const transactions = (
  perMinute: number,
  waitPerMinute: number,
  names: "stats_totals" | "stats",
): Record<string, string> => ({
  ...up,
  [`pgbouncer_${names}_sql_transactions_pooled_total{${ON},database="app"}`]: `0+${perMinute}x90`,
  [`pgbouncer_${names}_client_wait_seconds_total{${ON},database="app"}`]: `0+${waitPerMinute}x90`,
});
const one = (name: string, labels: string, value: string): Record<string, string> => ({
  ...up,
  [`pgbouncer_${name}{${labels}}`]: value,
});

export const alertCases: readonly AlertCase[] = [
  { alert: "PgBouncerDown", fires: one("up", ON, "0x90"), quiet: one("up", ON, "1x90") },
  { alert: "PgBouncerUnhealthy", fires: one("health_ok", ON, "0x90"), quiet: one("health_ok", ON, "1x90") },
  // Full and nobody waiting is how a busy pool should be.
  { alert: "PgBouncerPoolExhausted", fires: pool(10, 3), quiet: pool(10, 0) },
  {
    alert: "PgBouncerClientLimitNear",
    fires: {
      ...one("used_clients", ON, "950x90"),
      [`pgbouncer_config_max_client_connections{${ON}}`]: "1000x90",
    },
    quiet: {
      ...one("used_clients", ON, "890x90"),
      [`pgbouncer_config_max_client_connections{${ON}}`]: "1000x90",
    },
  },
  {
    alert: "PgBouncerHighWaitTime",
    fires: one("pools_client_maxwait_seconds", POOL, "1.5x90"),
    quiet: one("pools_client_maxwait_seconds", POOL, "0.9x90"),
  },
  // The names of both generations of the exporter.
  {
    alert: "PgBouncerHighAverageWait",
    fires: transactions(600, 120, "stats"),
    quiet: transactions(600, 30, "stats_totals"),
  },
  {
    alert: "PgBouncerMaxServerConnections",
    fires: {
      ...one("databases_current_connections", NAMED, "5x90"),
      [`pgbouncer_databases_max_connections{${NAMED}}`]: "5x90",
    },
    // 0 is no limit.
    quiet: {
      ...one("databases_current_connections", NAMED, "5x90"),
      [`pgbouncer_databases_max_connections{${NAMED}}`]: "0x90",
    },
  },
  { alert: "PgBouncerReservePoolInUse", fires: pool(12, 0), quiet: pool(10, 2) },
  {
    alert: "PgBouncerErrorRate",
    fires: one("log_errors_total", `${ON},reason="no_such_user"`, "0+120x90"),
    quiet: one("log_errors_total", `${ON},reason="no_such_user"`, "0+30x90"),
  },
  { alert: "PgBouncerDatabaseUnreachable", fires: pool(0, 2), quiet: pool(1, 2) },
  {
    alert: "PgBouncerServersStuckInLogin",
    fires: one("pools_server_login_connections", POOL, "1x90"),
    quiet: one("pools_server_login_connections", POOL, "1 0 0 1 0 0 1 0x80"),
  },
  {
    alert: "PgBouncerPaused",
    fires: {
      ...one("databases_paused", NAMED, "1x90"),
      [`pgbouncer_databases_disabled{${ON},name="other"}`]: "1x90",
    },
    // A console that is asked about itself is never paused.
    quiet: one("databases_paused", `${ON},name="pgbouncer"`, "1x90"),
    count: 2,
  },
  {
    alert: "PgBouncerRestarted",
    fires: one("process_start_time_seconds", ON, "100x15 200x75"),
    quiet: one("process_start_time_seconds", ON, "100x90"),
  },
  {
    alert: "PgBouncerProcessorBusy",
    fires: one("process_cpu_seconds_total", ON, "0+55x90"),
    quiet: one("process_cpu_seconds_total", ON, "0+40x90"),
  },
  {
    alert: "PgBouncerDescriptorsNear",
    fires: {
      ...one("used_clients", ON, "800x90"),
      [`pgbouncer_used_servers{${ON}}`]: "50x90",
      [`pgbouncer_process_max_fds{${ON}}`]: "1024x90",
    },
    quiet: {
      ...one("used_clients", ON, "800x90"),
      [`pgbouncer_used_servers{${ON}}`]: "50x90",
      [`pgbouncer_process_max_fds{${ON}}`]: "20000x90",
    },
  },
  {
    alert: "PgBouncerLoginStorm",
    fires: one("login_clients", ON, "60x90"),
    quiet: one("login_clients", ON, "40x90"),
  },
  {
    alert: "PgBouncerPreparedStatementsMissed",
    fires: {
      ...one("stats_totals_server_parses_total", `${ON},database="app"`, "0+90x90"),
      [`pgbouncer_stats_totals_client_parses_total{${ON},database="app"}`]: "0+120x90",
    },
    quiet: {
      ...one("stats_totals_server_parses_total", `${ON},database="app"`, "0+10x90"),
      [`pgbouncer_stats_totals_client_parses_total{${ON},database="app"}`]: "0+120x90",
    },
  },
  {
    alert: "PgBouncerConfigDrift",
    fires: one("config_drift_settings", ON, "2x90"),
    quiet: one("config_drift_settings", ON, "0x90"),
  },
  {
    alert: "PgBouncerVersionSkew",
    at: "64m",
    fires: {
      ...one("version_info", `${ON},version="1.18.0"`, "1x90"),
      'pgbouncer_version_info{instance="pool2",job="pgbouncer",version="1.24.1"}': "1x90",
    },
    quiet: {
      ...one("version_info", `${ON},version="1.24.1"`, "1x90"),
      'pgbouncer_version_info{instance="pool2",job="pgbouncer",version="1.24.1"}': "1x90",
    },
  },
  // promtool's time begins at 0: a day is 86400.
  {
    alert: "PgBouncerCertificateExpiring",
    fires: one("certificate_expiry_timestamp_seconds", `${ON},path="a"`, "864000x90"),
    quiet: one("certificate_expiry_timestamp_seconds", `${ON},path="a"`, "2592000x90"),
  },
  {
    alert: "PgBouncerCertificateExpired",
    fires: one("certificate_expiry_timestamp_seconds", `${ON},path="a"`, "86400x90"),
    quiet: one("certificate_expiry_timestamp_seconds", `${ON},path="a"`, "864000x90"),
  },
];

/** Late enough for any `for` but that of an hour: promtool reckons with all rules for each minute until then, and takes a processor for as many seconds. */
const USUALLY_AT = "24m";

/** A file for `promtool test rules`: each alert with its condition and with what comes close. */
export function ruleTest(rules: string): string {
  const group = (
    { alert, at = USUALLY_AT }: AlertCase,
    series: Readonly<Record<string, string>>,
    firing: number,
  ): unknown => ({
    name: `${alert}, ${firing === 0 ? "nearly" : "fires"}`,
    interval: "1m",
    input_series: Object.entries(series).map(([name, values]) => ({ series: name, values })),
    promql_expr_test: [
      {
        expr: `count(ALERTS{alertname="${alert}",alertstate="firing"})`,
        eval_time: at,
        exp_samples: firing === 0 ? [] : [{ labels: "{}", value: firing }],
      },
    ],
  });
  return stringify({
    rule_files: [rules],
    evaluation_interval: "1m",
    tests: alertCases.flatMap((one) => [group(one, one.fires, one.count ?? 1), group(one, one.quiet, 0)]),
  });
}
