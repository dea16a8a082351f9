/* The hierarchy of areas: communities in sub-districts in a district. */

/**
 * Return the codes of an area and of all below it; null for no area, which is everything.
 *
 * @param {readonly Area[]} areas
 * @param {string | null} code
 */
export function descendants(areas, code) {
  if (!code) return null;
  const codes = new Set([code]);
  for (let growing = true; growing;) {
    growing = false;
    for (const area of areas) {
      if (area.parent && codes.has(area.parent) && !codes.has(area.code)) {
        codes.add(area.code);
        growing = true;
      }
    }
  }
  return codes;
}

/**
 * Return the areas that an area lies in, itself first.
 *
 * @param {ReadonlyMap<string, Area>} byCode
 * @param {string | null | undefined} code
 */
export function ancestors(byCode, code) {
  const chain = [];
  for (let area = byCode.get(code || ""); area; area = byCode.get(area.parent || "")) {
    chain.push(area);
  }
  return chain;
}
