/* Numbers, names and sentences in the page's language. */

/**
 * Return the number formats of a language.
 *
 * @param {string} language "zh" or "en"
 * @returns {NumberFormats}
 */
export function numberFormats(language) {
  const locale = language === "zh" ? "zh-CN" : "en";
  return {
    integer: new Intl.NumberFormat(locale, { maximumFractionDigits: 0 }),
    decimal: new Intl.NumberFormat(locale, { maximumSignificantDigits: 3 }),
    percent: new Intl.NumberFormat(locale, { style: "percent", maximumFractionDigits: 1 }),
  };
}

/**
 * Return a text with its placeholders replaced: `{n}` by the value of `n`.
 *
 * @param {string} text
 * @param {Record<string, unknown>} values
 */
export function fillIn(text, values) {
  return Object.entries(values).reduce(
    (filled, [name, value]) => filled.split(`{${name}}`).join(String(value)),
    text,
  );
}

/**
 * Return a name in the page's language; on an English page the English name if there is one.
 *
 * @param {object} record has `name` and `name_en`, or the same with another stem
 * @param {string} language
 * @param {string} [key] the stem
 * @returns {string}
 */
export function localName(record, language, key = "name") {
  const fields = /** @type {Record<string, string | null | undefined>} */ (record);
  return (language !== "zh" && fields[`${key}_en`]) || fields[key] || "";
}

/**
 * Return words in a row with the language's separator.
 *
 * @param {readonly string[]} words
 * @param {string} language
 */
export function joinWords(words, language) {
  return words.join(language === "zh" ? "、" : ", ");
}

/**
 * Return the text of a data-quality issue.
 *
 * @param {Texts} t
 * @param {string} issue its code, for some with a parameter: "age_above_years/10"
 */
export function issueText(t, issue) {
  const [code, parameter = ""] = issue.split("/");
  const text = t[`finding_${code}`];
  if (!text) return issue;
  return fillIn(text, { n: parameter, kind: t[`kind_${parameter}`] || parameter });
}

/**
 * Return the text of a reason of an import.
 *
 * @param {Texts} t
 * @param {string} reason code, and its parameter after a slash
 */
export function reasonText(t, reason) {
  const [code, parameter = ""] = reason.split("/");
  const text = t[`reason_${code}`];
  return text ? fillIn(text, { n: t[`field_${parameter}`] || parameter }) : reason;
}

/**
 * Return the name of a category by its full path, or else by its last part.
 *
 * @param {Texts} t
 * @param {string} path parts with "/" between
 */
export function categoryText(t, path) {
  const last = path.split("/").pop() || "";
  return t[`category_${path}`] || t[`category_${last}`] || last;
}

/**
 * Return why a job was refused, in the language of the page if available.
 *
 * @param {Record<string, any>} outcome of a job
 * @param {string} language
 * @returns {string | undefined}
 */
export function reasonIn(outcome, language) {
  return outcome[`reason_${language}`] || outcome.reason;
}
