import type { Histogram, Metrics } from "./metrics.ts";

type Sample = [labels: Record<string, string>, value: number, suffix?: string];

/** The metrics in Prometheus' text format (version 0.0.4), with these labels on every line. */
export function prometheusText(metrics: Metrics, labels: Readonly<Record<string, string>> = {}): string {
  const { calls, circuit, pool, connections } = metrics;
  const byReason = (counts: Readonly<Record<string, number>>): Sample[] =>
    Object.entries(counts).map(([reason, value]) => [{ reason }, value]);
  const families: [name: string, type: string, help: string, samples: Sample[]][] = [
    [
      "calls_total",
      "counter",
      "Calls that ended, by result.",
      Object.entries(calls).flatMap(([kind, results]) =>
        Object.entries(results).map(([result, value]): Sample => [{ kind, result }, value]),
      ),
    ],
    ["attempts_total", "counter", "Tries.", [[{}, metrics.attempts]]],
    ["retries_total", "counter", "Tries repeated, by why the one before failed.", byReason(metrics.retries)],
    ["failures_total", "counter", "Tries that failed, by why.", byReason(metrics.failures)],
    [
      "circuit_state",
      "gauge",
      "1 for the state the circuit breaker is in.",
      ["closed", "open", "half-open"].map((state) => [{ state }, state === circuit.state ? 1 : 0]),
    ],
    ["circuit_opened_total", "counter", "Times the circuit opened.", [[{}, circuit.opened]]],
    [
      "pool_connections",
      "gauge",
      "Connections to the pooler.",
      [
        [{ state: "idle" }, pool.idle],
        [{ state: "used" }, pool.total - pool.idle],
      ],
    ],
    ["pool_connections_max", "gauge", "Most connections to the pooler.", [[{}, pool.max]]],
    ["pool_waiting", "gauge", "Calls that wait for a connection.", [[{}, pool.waiting]]],
    ["connections_opened_total", "counter", "Connections opened.", [[{}, connections.opened]]],
    ["connections_closed_total", "counter", "Connections closed.", [[{}, connections.closed]]],
    [
      "call_duration_seconds",
      "histogram",
      "From the call to its end, pauses included.",
      histogram(metrics.callDuration),
    ],
    [
      "acquire_duration_seconds",
      "histogram",
      "Waiting for a connection of the pool.",
      histogram(metrics.acquireDuration),
    ],
  ];
  return families
    .map(([name, type, help, samples]) => {
      const full = `pooled_postgres_${name}`;
      const lines = samples.map(
        ([own, value, suffix = ""]) => `${full}${suffix}${labelText({ ...labels, ...own })} ${value}`,
      );
      return [`# HELP ${full} ${help}`, `# TYPE ${full} ${type}`, ...lines, ""].join("\n");
    })
    .join("");
}

function histogram({ buckets, sumSeconds, count }: Histogram): Sample[] {
  return [
    ...buckets.map(({ le, count }): Sample => [{ le: String(le) }, count, "_bucket"]),
    [{ le: "+Inf" }, count, "_bucket"],
    [{}, sumSeconds, "_sum"],
    [{}, count, "_count"],
  ];
}

function labelText(labels: Readonly<Record<string, string>>): string {
  const entries = Object.entries(labels).map(
    ([name, value]) =>
      `${name}="${value.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n")}"`,
  );
  return entries.length === 0 ? "" : `{${entries.join(",")}}`;
}
