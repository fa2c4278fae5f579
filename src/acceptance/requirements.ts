import type { Load, Part, PoolerMeasurements, Sample, Single } from "./measurements.ts";
import { type Noise, noiseOf } from "./noise.ts";
import { type PoolFigures, poolAt, poolFigures } from "./pool-figures.ts";
import { median, medianInterval, pairedDifferences, quantile } from "./statistics.ts";
import { type Limits, meets, REQUIREMENTS, type RequirementName, type Verdict, withUnit } from "./verdict.ts";

/** What one requirement's figure is, before it is held against a limit. */
type Finding =
  | {
      value: number;
      spread?: Verdict["spread"];
      count: number;
      details: string[];
      /** What the figure was when nothing else disturbed it. Noise only makes times longer: a limit that even this misses is missed. */
      undisturbed?: number | undefined;
      /** Makes the requirement missed whatever the value is. */
      misses?: string;
    }
  | { reason: string };

/** The ticket's seven requirements, judged from what was measured of one pooler. */
export function judgeRequirements(of: PoolerMeasurements, limits: Limits): Verdict[] {
  const normal = figuresOf(of, "normal");
  const crowd = figuresOf(of, "crowd");
  const findings: Record<RequirementName, Finding> = {
    connection_ms: connectionTime(of.parts.single),
    utilisation_percent: utilisation(normal),
    wait_ms: waitTime(normal, crowd),
    reuse_percent: reuse(normal),
    clients: crowdSize(of.parts.crowd, crowd, limits.clients),
    reduction_percent: reduction(crowd, of.parts.crowd),
    overhead_ms: overhead(of.parts.single),
  };
  const noise = noiseOf(of.parts.single);
  return (Object.keys(findings) as RequirementName[]).map((name) =>
    judge(name, findings[name], limits[name], noise),
  );
}

const METHODS: Readonly<Record<RequirementName, string>> = {
  connection_ms:
    "One client on the client's host logs in as applications do (TCP, TLS with verification, SCRAM), directly and through the pooler in turn. Judged is the median through the pooler.",
  utilisation_percent:
    "SHOW POOLS again and again while the normal load runs: (active + idle + used + tested + logging in) / pool size. Judged is the 95th percentile of the samples.",
  wait_ms:
    "Mean of the time in PgBouncer's queue: growth of total_wait_time, and what those have waited who wait still (SHOW CLIENTS), by the number of both. The greater of the normal load's and the crowd's is judged. PgBouncer knows no percentiles.",
  reuse_percent:
    "1 − server connections opened / times that one was given out, under the normal load, after all server connections had been closed (RECONNECT): the opening of the pool counts.",
  clients:
    "So many clients log in; when the last one is in, all ask again and again for some seconds. Counted is who got a right answer; one error is one too many.",
  reduction_percent: "1 − the most connections to PostgreSQL / the most clients, while the crowd is there.",
  overhead_ms:
    "One client, connections that stay, `select 1`, directly and through the pooler in turn. Judged is the median of the differences of neighbours.",
};

function judge(
  name: RequirementName,
  finding: Finding,
  limit: number | null,
  noise: Noise | undefined,
): Verdict {
  const { title, unit, comparison } = REQUIREMENTS[name];
  const about = { name, title, unit, comparison, limit, method: METHODS[name] };
  if ("reason" in finding)
    return {
      ...about,
      status: "not-measured",
      value: null,
      spread: null,
      isCertain: false,
      count: 0,
      details: [],
      reason: finding.reason,
    };
  const { value, count, details, misses } = finding;
  const spread = finding.spread ?? null;
  const told = {
    ...about,
    value,
    spread,
    count,
    details: misses === undefined ? details : [misses, ...details],
    reason: null,
  };
  if (limit === null) return { ...told, status: "not-judged", isCertain: false };
  const isMet = misses === undefined && meets(value, comparison, limit);
  const { undisturbed } = finding;
  if (!isMet && misses === undefined && noise?.isNoisy === true && undisturbed !== undefined)
    if (meets(undisturbed, comparison, limit))
      return {
        ...told,
        status: "not-measured",
        isCertain: false,
        reason: tooNoisy(noise, undisturbed, unit),
      };
  const isCertain =
    spread === null ||
    misses !== undefined ||
    (meets(spread.low, comparison, limit) === isMet && meets(spread.high, comparison, limit) === isMet);
  return { ...told, status: isMet ? "met" : "missed", isCertain };
}

const tooNoisy = ({ words }: Noise, undisturbed: number, unit: Verdict["unit"]): string =>
  `too noisy: it would be missed, and be met by what was disturbed least, ${withUnit(undisturbed, unit)}; ${words}. Measure again when the machines have nothing else to do`;

const UNCOUNTED =
  "PgBouncer's counters do not tell: nothing was asked, it was restarted meanwhile, or it is older than 1.23 and in session mode";

const INTERVAL = "95 % interval of the median";

function connectionTime(single: Part<Single>): Finding {
  if ("reason" in single) return single;
  const { login, direct_problem: problem } = single.measured;
  const pooled = login.pooled.map(([loggedIn]) => loggedIn);
  if (pooled.length === 0) return { reason: "no login was measured" };
  const answered = median(login.pooled.map(([, answer]) => answer));
  const details = [
    `through the pooler: 95 % of the logins below ${ms(quantile(pooled, 0.95))}; with the first answer ${ms(answered)} (median)`,
  ];
  if (login.direct.length === 0) details.push(`directly: not measured: ${problem ?? "no login"}`);
  else {
    const direct = login.direct.map(([loggedIn]) => loggedIn);
    const saved = median(pairedDifferences(direct, pooled));
    details.push(
      `directly: ${ms(median(direct))} (median), 95 % below ${ms(quantile(direct, 0.95))}; with the first answer ${ms(median(login.direct.map(([, answer]) => answer)))}`,
      saved >= 0 ? `the pooler saves ${ms(saved)} a login` : `the pooler costs ${ms(-saved)} a login`,
    );
  }
  details.push(
    "most of a login is arithmetic: TLS's handshake, and SCRAM's 4096 rounds on the client. A faster processor, or fewer scram_iterations (PostgreSQL 16), make it shorter; a pool in the application pays it once",
  );
  return {
    value: median(pooled),
    spread: { ...medianInterval(pooled), meaning: INTERVAL },
    count: pooled.length,
    details,
    undisturbed: quantile(pooled, 0.1),
  };
}

function overhead(single: Part<Single>): Finding {
  if ("reason" in single) return single;
  const { latency, direct_problem: problem } = single.measured;
  if (latency.direct.length === 0)
    return { reason: `it needs a direct connection to compare with: ${problem ?? "none was measured"}` };
  const differences = pairedDifferences(latency.pooled, latency.direct);
  return {
    value: median(differences),
    spread: { ...medianInterval(differences), meaning: INTERVAL },
    count: differences.length,
    details: [
      `directly ${ms(median(latency.direct))}, through the pooler ${ms(median(latency.pooled))} (medians)`,
      `95 % of the queries: directly below ${ms(quantile(latency.direct, 0.95))}, through the pooler below ${ms(quantile(latency.pooled, 0.95))}`,
    ],
    undisturbed: quantile(differences, 0.1),
  };
}

type Figures = { figures: PoolFigures } | { reason: string };

function utilisation(normal: Figures): Finding {
  if ("reason" in normal) return normal;
  const { openPercent, busyPercent, waitingPercent, poolSize } = normal.figures;
  if (poolSize === 0)
    return { reason: "the pool has no limit (pool_size 0), so there is nothing to be a share of" };
  return {
    value: quantile(openPercent, 0.95),
    spread: { low: Math.min(...openPercent), high: Math.max(...openPercent), meaning: "least and greatest" },
    count: openPercent.length,
    details: [
      `of a pool of ${poolSize}; at work were ${percent(quantile(busyPercent, 0.95))} (95th percentile)`,
      `somebody waited in ${percent(waitingPercent)} of the samples`,
    ],
    // One moment in which all ask at once opens connections that stay open.
    undisturbed: median(busyPercent),
  };
}

function waitTime(normal: Figures, crowd: Figures): Finding {
  const loads = [
    { name: "normal load", of: normal },
    { name: "crowd", of: crowd },
  ].flatMap(({ name, of }) =>
    "reason" in of || of.figures.meanWaitMs === undefined
      ? []
      : [{ name, figures: of.figures, mean: of.figures.meanWaitMs, count: of.figures.waits }],
  );
  if (loads[0] === undefined)
    return {
      reason: "reason" in normal ? normal.reason : UNCOUNTED,
    };
  const details = loads.map(
    ({ name, figures, mean, count }) =>
      `${name}: ${ms(mean)} on average over ${count} ${figures.countedBy}, those that wait still included; the longest wait that was seen: ${ms(figures.longestWaitMs)}`,
  );
  if ("reason" in crowd) details.push(`crowd: not measured: ${crowd.reason}`);
  const worst = loads.reduce((one, other) => (other.mean > one.mean ? other : one));
  const waits = worst.figures.waitsMs;
  return {
    value: worst.mean,
    spread:
      waits.length === 0
        ? null
        : { low: Math.min(...waits), high: Math.max(...waits), meaning: "means between two samples" },
    count: worst.count,
    details,
    undisturbed: waits.length === 0 ? undefined : quantile(waits, 0.1),
  };
}

function reuse(normal: Figures): Finding {
  if ("reason" in normal) return normal;
  const { assignments, openedServers, openedSessions, countedBy } = normal.figures;
  if (assignments === undefined) return { reason: UNCOUNTED };
  // Each count can only be wrong in one direction; the greater one tells nobody that more is reused than is.
  const opened = Math.max(openedServers, openedSessions ?? 0);
  return {
    value: 100 * (1 - opened / assignments),
    count: assignments,
    details: [
      `${opened} opened for ${assignments} ${countedBy}`,
      `SHOW SERVERS showed ${openedServers} new ones; ${openedSessions === undefined ? "PostgreSQL could not be asked for its count" : `PostgreSQL counts ${openedSessions} new sessions in the database, whoever opened them`}`,
    ],
  };
}

function crowdSize(crowd: Part<Load>, seen: Figures, limit: number | null): Finding {
  if ("reason" in crowd) return crowd;
  const {
    clients,
    logged_in: loggedIn,
    served,
    failed,
    wrong,
    errors,
    login_seconds: seconds,
    answered,
    latency_ms: latency,
  } = crowd.measured;
  if (limit !== null && clients < limit) return { reason: `only ${clients} clients were tried` };
  const details = [
    `${loggedIn} of ${clients} were let in, within ${seconds.toFixed(1)} s; ${answered} answers`,
  ];
  if (latency.length > 0)
    details.push(
      `an answer took ${ms(median(latency))} (median), 95 % below ${ms(quantile(latency, 0.95))}, as the client sees it`,
    );
  if (!("reason" in seen)) {
    const { mostClients, mostServers, descriptors } = seen.figures;
    details.push(`PgBouncer counted up to ${mostClients} clients and ${mostServers} server connections`);
    if (descriptors !== undefined) details.push(`open files: ${descriptors.most} of ${descriptors.limit}`);
  }
  const told = Object.entries(errors).map(([error, count]) => `${count} × ${error}`);
  const problems = [
    ...(loggedIn < clients || failed > 0 ? [`errors: ${told.join("; ")}`] : []),
    ...(wrong > 0 ? [`${wrong} answers were another client's`] : []),
  ];
  const misses = problems.length === 0 ? {} : { misses: problems.join("; ") };
  return { value: served, count: clients, details, ...misses };
}

function reduction(crowd: Figures, load: Part<Load>): Finding {
  if ("reason" in crowd) return crowd;
  const { mostClients, mostServers, mostBackends } = crowd.figures;
  if (mostClients === 0) return { reason: "no client was seen" };
  const connections = Math.max(mostServers, mostBackends ?? 0);
  return {
    value: 100 * (1 - connections / mostClients),
    count: "reason" in load ? 0 : load.measured.clients,
    details: [
      `${mostClients} clients, ${connections} connections to PostgreSQL`,
      `SHOW POOLS showed ${mostServers}; ${mostBackends === undefined ? "PostgreSQL could not be asked" : `pg_stat_activity ${mostBackends} of this user's from this pooler`}`,
    ],
  };
}

/** The samples that were taken while a load was complete; where its clients were never seen all, those of the whole phase. */
function figuresOf(of: PoolerMeasurements, phase: "normal" | "crowd"): Figures {
  const { samples } = of.parts;
  const load = of.parts[phase];
  if ("reason" in samples) return samples;
  if ("reason" in load) return load;
  const all = samples.measured.samples;
  const during = all.filter((sample) => sample.phase === phase);
  const begins = all.findIndex((sample) => sample.phase === phase);
  const complete = during.filter((sample) => isComplete(sample, of, load.measured.logged_in));
  const counted = complete.length > 0 ? complete : during;
  // What logging in opened belongs to the load; what logging in waited does not.
  const before = all[begins - 1];
  const quiet = counted[0] === undefined ? before : (all[all.indexOf(counted[0]) - 1] ?? before);
  const figures = poolFigures(before, counted, of.database, of.user, quiet);
  return figures === undefined ? { reason: "no sample was taken while the load ran" } : { figures };
}

const isComplete = (sample: Sample, { database, user }: PoolerMeasurements, clients: number): boolean =>
  poolAt(sample, database, user).clients >= clients;

const ms = (value: number): string => withUnit(value, "ms");
const percent = (value: number): string => withUnit(value, "%");
