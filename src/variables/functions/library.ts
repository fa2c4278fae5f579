import { choosingFunctions } from "./choosing.ts";
import { comparisonFunctions } from "./comparisons.ts";
import { conversionFunctions } from "./conversions.ts";
import { dateFunctions } from "./dates.ts";
import { encodingFunctions } from "./encoding.ts";
import { hashFunctions } from "./hashes.ts";
import type { LibraryFunction } from "./library-function.ts";
import { listFunctions } from "./lists.ts";
import { lookupFunctions } from "./lookups.ts";
import { mappingFunctions } from "./mappings.ts";
import { networkFunctions } from "./network.ts";
import { numberFunctions } from "./numbers.ts";
import { pathFunctions } from "./paths.ts";
import { randomFunctions } from "./random.ts";
import { regularExpressionFunctions } from "./regular-expressions.ts";
import { selectingFunctions } from "./selecting.ts";
import { setFunctions } from "./sets.ts";
import { textFunctions } from "./text.ts";
import { typeTestFunctions } from "./type-tests.ts";
import { versionFunctions } from "./versions.ts";

/** Every function that expressions and templates have beyond what CEL and Handlebars bring. */
export const functionLibrary: readonly LibraryFunction[] = [
  ...choosingFunctions,
  ...comparisonFunctions,
  ...conversionFunctions,
  ...dateFunctions,
  ...encodingFunctions,
  ...hashFunctions,
  ...listFunctions,
  ...lookupFunctions,
  ...mappingFunctions,
  ...networkFunctions,
  ...numberFunctions,
  ...pathFunctions,
  ...randomFunctions,
  ...regularExpressionFunctions,
  ...selectingFunctions,
  ...setFunctions,
  ...textFunctions,
  ...typeTestFunctions,
  ...versionFunctions,
];

/** Every name that a function can be called by, with the function. */
export const functionsByName: ReadonlyMap<string, LibraryFunction> = new Map(
  functionLibrary.flatMap((one) => [one.name, ...(one.aliases ?? [])].map((name) => [name, one] as const)),
);
