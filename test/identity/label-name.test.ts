import assert from "node:assert/strict";
import { test } from "node:test";
import { labelName, textOfBytes } from "../../src/identity/label-name.ts";

test("labelName() leaves fit names alone", () => {
  for (const name of [
    "nginx",
    "(sd-pam)",
    "dev-disk-by\\x2dlabel.swap",
    'say "hi", you',
    "größe",
    "日本",
    "kworker/0:1",
    "a,b=c",
    "👍",
  ]) {
    assert.equal(labelName(name), name);
  }
});

test("labelName() writes out what cannot be printed", () => {
  assert.equal(labelName("a\nb"), "a‹U+000A›b");
  assert.equal(labelName("a\u202eb"), "a‹U+202E›b");
  assert.equal(labelName("a\u00a0b"), "a‹U+00A0›b");
  assert.equal(labelName(textOfBytes(Buffer.from([0x61, 0xff, 0x80, 0x62]))), "a‹xFF›‹x80›b");
  assert.equal(labelName("\u0080"), "‹U+0080›");
});

test("labelName() keeps distinct names distinct and printable, and at most 128 long", () => {
  const names = new Map<string, string>();
  let state = 7;
  for (let run = 0; run < 60_000; run += 1) {
    const bytes = Buffer.alloc(run % 7 === 0 ? 200 : 1 + (run % 5));
    for (let index = 0; index < bytes.length; index += 1) {
      state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
      bytes[index] = state >>> 16;
    }
    const name = labelName(textOfBytes(bytes));
    const key = bytes.toString("hex");
    assert.equal(names.get(name) ?? key, key, `${name} stands for two names`);
    names.set(name, key);
    assert.ok(name.length <= 128);
    assert.doesNotMatch(name, /[\p{C}\p{Zl}\p{Zp}]/u);
  }
  assert.notEqual(labelName("a\nb"), labelName("a‹U+000A›b"));
});

test("textOfBytes() agrees with UTF-8 where that is valid", () => {
  for (const text of ["", "nginx", "größe", "日本", "👍", "\ufeffx"])
    assert.equal(textOfBytes(Buffer.from(text)), text);
  assert.equal(textOfBytes(Buffer.from([0xed, 0xa0, 0x80])), "\udced\udca0\udc80");
  assert.equal(textOfBytes(Buffer.from([0xc3, 0xa4, 0xc3])), "ä\udcc3");
});
