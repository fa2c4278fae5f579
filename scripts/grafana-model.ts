import type * as grafana from "@grafana/schema";
import type * as stat from "@grafana/schema/dist/esm/raw/composable/stat/panelcfg/x/StatPanelCfg_types.gen";
import type * as timeseries from "@grafana/schema/dist/esm/raw/composable/timeseries/panelcfg/x/TimeSeriesPanelCfg_types.gen";

/**
 * Grafana publishes the types of its dashboards (@grafana/schema). What the builder makes has to fit them, and to have no field that they don't know: each of these is its
 * argument where it fits, and an error of the compiler where it does not.
 */
export type FitsDashboard<Ours extends Fitting<Ours, grafana.Dashboard>> = Ours;
export type FitsTimeSeries<Ours extends Fitting<Ours, timeseries.Options>> = Ours;
export type FitsTimeSeriesField<Ours extends Fitting<Ours, timeseries.FieldConfig>> = Ours;
export type FitsStat<Ours extends Fitting<Ours, Partial<stat.Options>>> = Ours;

type Fitting<Ours, Theirs> = Partial<Plain<Theirs>> & {
  [Name in keyof Ours]: Known<Ours[Name], Name, Plain<Theirs>>;
};

/** A field that Grafana does not have may have no value; one that it has must have one of Grafana's. */
type Known<Value, Name, Theirs> = Name extends keyof Theirs
  ? KnownWithin<Value, NonNullable<Theirs[Name]>>
  : never;

type KnownWithin<Value, Theirs> = Value extends readonly (infer Item)[]
  ? Theirs extends readonly (infer TheirItem)[]
    ? readonly KnownWithin<Item, TheirItem>[]
    : never
  : Value extends object
    ? string extends keyof Theirs
      ? Value
      : { [Name in keyof Value]: Known<Value[Name], Name, AllOf<Theirs>> }
    : Value;

/** Panels are of several kinds: a field that one of them has is known. */
type AllOf<Union> = {
  [Name in Union extends unknown ? keyof Union : never]: Union extends { [Key in Name]?: infer Value }
    ? Value
    : never;
};

/** Their enumerations are texts and numbers in the file. */
type Plain<Theirs> = Theirs extends string
  ? `${Theirs}`
  : Theirs extends number
    ? Theirs | (`${Theirs}` extends `${infer Digits extends number}` ? Digits : never)
    : Theirs extends readonly (infer Item)[]
      ? readonly Plain<Item>[]
      : Theirs extends object
        ? { [Name in keyof Theirs]: Plain<Theirs[Name]> }
        : Theirs;
