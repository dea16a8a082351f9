import assert from "node:assert/strict";
import { test } from "node:test";

import {
  categoryText,
  fillIn,
  issueText,
  joinWords,
  localName,
  numberFormats,
  reasonText,
} from "../../service/static/lib/format.js";

const T = {
  finding_age_above_years: "使用超过 {n} 年",
  finding_no_service_within_distance: "步行范围内无{kind}",
  kind_school: "学校",
  reason_gap: "缝隙",
  reason_unknown_value: "值未知：{n}",
  field_status: "状态",
  category_theft: "盗窃",
  "category_theft/bicycle": "盗窃自行车",
};

test("findings carry their numbers into the words", () => {
  assert.equal(issueText(T, "age_above_years/10"), "使用超过 10 年");
  assert.equal(issueText(T, "age_above_years/2.5"), "使用超过 2.5 年");
});

test("findings of services carry what is missing", () => {
  const code = "no_service_within_distance";
  assert.equal(issueText(T, `${code}/school`), "步行范围内无学校");
  assert.equal(issueText(T, `${code}/market`), "步行范围内无market");
  assert.equal(issueText({}, `${code}/school`), `${code}/school`);
});

test("a finding without words is shown as it is", () => {
  assert.equal(issueText(T, "never_seen_before"), "never_seen_before");
});

test("reasons of an import carry the label of their column", () => {
  assert.equal(reasonText(T, "gap"), "缝隙");
  assert.equal(reasonText(T, "unknown_value/status"), "值未知：状态");
  assert.equal(reasonText(T, "unknown_value/other"), "值未知：other");
  assert.equal(reasonText(T, "never_seen_before"), "never_seen_before");
});

test("categories are named by their path, else by its last part", () => {
  assert.equal(categoryText(T, "theft/bicycle"), "盗窃自行车");
  assert.equal(categoryText(T, "crime/theft"), "盗窃");
  assert.equal(categoryText(T, "noise/dog"), "dog");
});

test("placeholders are filled in, all of them, and nothing else", () => {
  assert.equal(fillIn("{n} of {all}, {n}", { n: 1, all: "$&" }), "1 of $&, 1");
  assert.equal(fillIn("{other}", { n: 1 }), "{other}");
});

test("names are of the page's language where there is one", () => {
  const record = { name: "东门", name_en: "East Gate", grid_name: "一格", grid_name_en: null };
  assert.equal(localName(record, "zh"), "东门");
  assert.equal(localName(record, "en"), "East Gate");
  assert.equal(localName(record, "en", "grid_name"), "一格");
  assert.equal(localName({}, "en"), "");
});

test("numbers are written as the language has them", () => {
  const { integer, decimal, percent } = numberFormats("en");
  assert.equal(integer.format(12345.6), "12,346");
  assert.equal(decimal.format(0.012345), "0.0123");
  assert.equal(percent.format(0.9551), "95.5%");
  assert.equal(joinWords(["甲", "乙"], "zh"), "甲、乙");
  assert.equal(joinWords(["a", "b"], "en"), "a, b");
});
