import type { FitsDashboard, FitsStat, FitsTimeSeries, FitsTimeSeriesField } from "./grafana-model.ts";

/**
 * Grafana's dashboard for PgBouncer, built from what each panel asks, so that a misspelt field is a type error. Only the part of Grafana's model (schema version 39,
 * Grafana 10 and later) that is used here has types, and they are held against Grafana's own. `npm run docs` writes it into the role.
 */
export type Target = {
  datasource: typeof DATASOURCE;
  editorMode: "code";
  expr: string;
  legendFormat: string;
  range: boolean;
  instant: boolean;
  refId: string;
};

type Unit = "short" | "reqps" | "ms" | "percentunit" | "Bps" | "s" | "d" | "none";
type PanelType = "timeseries" | "stat";

export interface Panel {
  id: number;
  type: PanelType;
  title: string;
  description: string;
  datasource: typeof DATASOURCE;
  gridPos: { x: number; y: number; w: number; h: number };
  targets: Target[];
  fieldConfig: {
    defaults: {
      unit: Unit;
      min?: number;
      color: { mode: "palette-classic" | "thresholds" };
      thresholds: { mode: "absolute"; steps: { color: string; value: number | null }[] };
      custom?: FitsTimeSeriesField<{
        lineWidth: number;
        fillOpacity: number;
        stacking: { mode: "none" | "normal"; group: string };
      }>;
    };
    overrides: [];
  };
  options:
    | FitsTimeSeries<{
        legend: { displayMode: "list"; placement: "bottom"; showLegend: boolean; calcs: string[] };
        tooltip: { mode: "multi"; sort: "desc" };
      }>
    | FitsStat<{
        reduceOptions: { calcs: ["lastNotNull"]; fields: ""; values: false };
        colorMode: "background";
        textMode: "auto";
      }>;
}

export interface Dashboard {
  uid: string;
  title: string;
  description: string;
  tags: string[];
  editable: boolean;
  schemaVersion: number;
  version: number;
  refresh: string;
  time: { from: string; to: string };
  timezone: "browser";
  templating: { list: Variable[] };
  panels: Panel[];
  annotations: { list: [] };
  links: [];
}

type Variable =
  | {
      name: string;
      label: string;
      type: "datasource";
      query: "prometheus";
      hide: 0;
      refresh: 1;
      multi: false;
      includeAll: false;
      options: [];
    }
  | {
      name: string;
      label: string;
      type: "query";
      datasource: typeof DATASOURCE;
      query: { query: string; refId: string };
      hide: 0;
      refresh: 2;
      sort: 1;
      multi: true;
      includeAll: true;
      allValue: ".*";
      options: [];
      current: { selected: true; text: ["All"]; value: ["$__all"] };
    };

const DATASOURCE = { type: "prometheus", uid: "${datasource}" } as const;
const [WIDTH, HEIGHT] = [8, 8];
/** Grafana fills these in. The console itself is a database named pgbouncer, and no pool of anybody. */
const ON = 'instance=~"$instance"';
const OF = `${ON},database=~"$database",database!="pgbouncer"`;

interface Wanted {
  title: string;
  description: string;
  unit: Unit;
  queries: readonly (readonly [expr: string, legend: string])[];
  type?: PanelType;
  stacked?: boolean;
  /** From these values on: yellow, red. */
  warn?: readonly [number, number];
}

const WANTED: readonly Wanted[] = [
  {
    title: "Served",
    description: "Whether a new client would be served, and why not.",
    unit: "none",
    type: "stat",
    queries: [[`pgbouncer_health_reason{${ON}}`, "{{instance}} {{reason}}"]],
  },
  {
    title: "Clients",
    description: "Clients in a pool. Active means not waiting: idle ones are among them.",
    unit: "short",
    queries: [
      [
        `sum by (instance, database) (pgbouncer_pools_client_active_connections{${OF}})`,
        "{{instance}} {{database}}",
      ],
      [
        `sum by (instance, database) (pgbouncer_pools_client_waiting_connections{${OF}})`,
        "{{instance}} {{database}} waiting",
      ],
    ],
  },
  {
    title: "Server connections",
    description: "Connections to PostgreSQL by what they do.",
    unit: "short",
    stacked: true,
    queries: (["active", "idle", "used", "testing", "login"] as const).map(
      (state) =>
        [
          `sum by (instance) (pgbouncer_pools_server_${state}_connections{${OF}})`,
          `{{instance}} ${state}`,
        ] as const,
    ),
  },
  {
    title: "Pool utilisation",
    description: "Server connections of a pool against its size. Above 100 % it lives on the reserve.",
    unit: "percentunit",
    warn: [0.8, 1],
    queries: [[`pgbouncer:pool_utilisation{${OF}}`, "{{instance}} {{database}}/{{user}}"]],
  },
  {
    title: "Front door",
    description: "Clients against max_client_conn. At 100 % new ones are refused.",
    unit: "percentunit",
    warn: [0.8, 0.9],
    queries: [
      [`pgbouncer_used_clients{${ON}} / pgbouncer_config_max_client_connections{${ON}}`, "{{instance}}"],
    ],
  },
  {
    title: "Wait for a server connection",
    description:
      "On average for each transaction, and the first in the queue. The average moves when a client has been served: both are needed.",
    unit: "ms",
    warn: [100, 1000],
    queries: [
      [`1000 * pgbouncer:average_wait_seconds{${OF}}`, "{{instance}} {{database}} average"],
      [
        `1000 * max by (instance, database) (pgbouncer_pools_client_maxwait_seconds{${OF}})`,
        "{{instance}} {{database}} longest",
      ],
    ],
  },
  {
    title: "Queries",
    description: "Through the pools.",
    unit: "reqps",
    queries: [[`pgbouncer:queries:rate{${OF}}`, "{{instance}} {{database}}"]],
  },
  {
    title: "Transactions",
    description: "Through the pools.",
    unit: "reqps",
    queries: [[`pgbouncer:transactions:rate{${OF}}`, "{{instance}} {{database}}"]],
  },
  {
    title: "Query time",
    description: "On average, without the time in PgBouncer's queue, which its own average includes.",
    unit: "ms",
    queries: [[`1000 * pgbouncer:average_query_seconds{${OF}}`, "{{instance}} {{database}}"]],
  },
  {
    title: "A new client's first query",
    description: "Seconds for the health probe: TLS, login, a pool, an answer.",
    unit: "s",
    queries: [[`pgbouncer_health_query_seconds{${ON}}`, "{{instance}}"]],
  },
  {
    title: "Traffic",
    description: "From clients and to them.",
    unit: "Bps",
    queries: [
      [
        `rate(pgbouncer_stats_totals_received_bytes_total{${OF}}[$__rate_interval])`,
        "{{instance}} {{database}} received",
      ],
      [
        `rate(pgbouncer_stats_totals_sent_bytes_total{${OF}}[$__rate_interval])`,
        "{{instance}} {{database}} sent",
      ],
    ],
  },
  {
    title: "Errors",
    description: "Warnings and errors in PgBouncer's log, by reason.",
    unit: "reqps",
    queries: [
      [
        `sum by (instance, reason) (rate(pgbouncer_log_errors_total{${ON}}[$__rate_interval]))`,
        "{{instance}} {{reason}}",
      ],
    ],
  },
  {
    title: "Processor",
    description: "PgBouncer has one thread: 100 % is all it can do.",
    unit: "percentunit",
    warn: [0.7, 0.85],
    queries: [[`rate(pgbouncer_process_cpu_seconds_total{${ON}}[$__rate_interval])`, "{{instance}}"]],
  },
  {
    title: "Certificates",
    description: "Days until the first of them ends.",
    unit: "d",
    type: "stat",
    queries: [
      [
        `min by (instance) (pgbouncer_certificate_expiry_timestamp_seconds{${ON}} - time()) / 86400`,
        "{{instance}}",
      ],
    ],
  },
  {
    title: "Settings other than the file's",
    description: "A SET by hand, or a RELOAD that was forgotten or ignored.",
    unit: "none",
    type: "stat",
    warn: [1, 1],
    queries: [[`pgbouncer_config_drift_settings{${ON}}`, "{{instance}}"]],
  },
];

export function pgbouncerDashboard(): FitsDashboard<Dashboard> {
  return {
    uid: "plumb-pgbouncer",
    title: "PgBouncer",
    description: "Poolers, their pools and what clients wait for. Made by Plumb.",
    tags: ["pgbouncer", "postgresql", "plumb"],
    editable: false,
    schemaVersion: 39,
    version: 1,
    refresh: "30s",
    time: { from: "now-1h", to: "now" },
    timezone: "browser",
    templating: {
      list: [
        {
          name: "datasource",
          label: "Prometheus",
          type: "datasource",
          query: "prometheus",
          hide: 0,
          refresh: 1,
          multi: false,
          includeAll: false,
          options: [],
        },
        labelVariable("instance", "Pooler", "label_values(pgbouncer_up, instance)"),
        labelVariable(
          "database",
          "Database",
          "label_values(pgbouncer_pools_client_active_connections, database)",
        ),
      ],
    },
    panels: WANTED.map(panel),
    annotations: { list: [] },
    links: [],
  };
}

function labelVariable(name: string, label: string, query: string): Variable {
  return {
    name,
    label,
    type: "query",
    datasource: DATASOURCE,
    query: { query, refId: name },
    hide: 0,
    refresh: 2,
    sort: 1,
    multi: true,
    includeAll: true,
    allValue: ".*",
    options: [],
    current: { selected: true, text: ["All"], value: ["$__all"] },
  };
}

function panel(
  { title, description, unit, queries, type = "timeseries", stacked = false, warn }: Wanted,
  index: number,
): Panel {
  const isStat = type === "stat";
  return {
    id: index + 1,
    type,
    title,
    description,
    datasource: DATASOURCE,
    gridPos: { x: (index % 3) * WIDTH, y: Math.floor(index / 3) * HEIGHT, w: WIDTH, h: HEIGHT },
    targets: queries.map(([expr, legendFormat], at) => ({
      datasource: DATASOURCE,
      editorMode: "code",
      expr,
      legendFormat,
      range: !isStat,
      instant: isStat,
      refId: String.fromCharCode(65 + at),
    })),
    fieldConfig: {
      defaults: {
        unit,
        min: 0,
        color: { mode: isStat ? "thresholds" : "palette-classic" },
        thresholds: {
          mode: "absolute",
          steps: [
            { color: "green", value: null },
            ...(warn === undefined
              ? []
              : [
                  { color: "yellow", value: warn[0] },
                  { color: "red", value: warn[1] },
                ]),
          ],
        },
        ...(isStat
          ? {}
          : {
              custom: {
                lineWidth: 1,
                fillOpacity: 10,
                stacking: { mode: stacked ? ("normal" as const) : ("none" as const), group: "A" },
              },
            }),
      },
      overrides: [],
    },
    options: isStat
      ? {
          reduceOptions: { calcs: ["lastNotNull"], fields: "", values: false },
          colorMode: "background",
          textMode: "auto",
        }
      : {
          legend: { displayMode: "list", placement: "bottom", showLegend: true, calcs: [] },
          tooltip: { mode: "multi", sort: "desc" },
        },
  };
}
