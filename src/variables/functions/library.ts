import { collectionFunctions } from "./collections.ts";
import { comparisonFunctions } from "./comparisons.ts";
import { encodingFunctions } from "./encoding.ts";
import type { LibraryFunction } from "./library-function.ts";
import { lookupFunctions } from "./lookups.ts";
import { networkFunctions } from "./network.ts";
import { numberFunctions } from "./numbers.ts";
import { textFunctions } from "./text.ts";

/** Every function that expressions and templates have beyond what CEL and Handlebars bring. */
export const functionLibrary: readonly LibraryFunction[] = [
  ...collectionFunctions,
  ...comparisonFunctions,
  ...encodingFunctions,
  ...lookupFunctions,
  ...networkFunctions,
  ...numberFunctions,
  ...textFunctions,
];
