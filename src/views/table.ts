import { stripVTControlCharacters } from "node:util";

/** Rows as lines with aligned columns; cells may hold colours. Columns named in `right` are aligned to the right. */
export function tableLines(
  rows: readonly (readonly string[])[],
  right: ReadonlySet<number> = new Set(),
): string[] {
  const widths: number[] = [];
  for (const row of rows) {
    row.forEach((cell, column) => {
      widths[column] = Math.max(widths[column] ?? 0, shownWidth(cell));
    });
  }
  return rows.map((row) =>
    row
      .map((cell, column) => {
        const padding = " ".repeat((widths[column] ?? 0) - shownWidth(cell));
        return right.has(column) ? padding + cell : cell + padding;
      })
      .join("  ")
      .trimEnd(),
  );
}

function shownWidth(text: string): number {
  return stripVTControlCharacters(text).length;
}
