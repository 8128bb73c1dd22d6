import assert from "node:assert/strict";
import { test } from "node:test";
import { AnswerVersion } from "../../src/identity/answer-version.ts";
import { Directory } from "../../src/identity/directory.ts";
import { type EndpointLabelChoice, EndpointLabels, NO_LABELS } from "../../src/identity/endpoint-labels.ts";
import { ExternalNames } from "../../src/identity/external.ts";
import { Interner } from "../../src/identity/interner.ts";
import { address } from "./address.ts";
import { deploymentPod, node } from "./pod-fixture.ts";

const NOTHING: EndpointLabelChoice = {
  ...{ zone: false, region: false, node: false, pod: false },
  ...{ podLabels: {}, podAnnotations: {}, externalAddresses: 0 },
};

test("EndpointLabels.valuesOf() gives values in the order of labels, fit for labels", () => {
  const labels = new EndpointLabels({
    ...NOTHING,
    ...{ zone: true, pod: true, podLabels: { team: "example.com/team" }, podAnnotations: { cost: "cost" } },
  });
  assert.deepEqual(labels.labels, [
    { label: "zone", otlp: "cloud.availability_zone" },
    { label: "pod", otlp: "k8s.pod.name" },
    { label: "team", otlp: "k8s.pod.label.example.com/team" },
    { label: "cost", otlp: "k8s.pod.annotation.cost" },
  ]);
  const source = { zone: "z", region: "r", node: "n", pod: "web-0", chosen: ["red", "a\nb"] };
  assert.deepEqual(labels.valuesOf(source), ["z", "web-0", "red", "a‹U+000A›b"]);
  assert.deepEqual(labels.valuesOf({ address: "192.0.2.1" }), ["", "", "", ""]);
  assert.deepEqual(NO_LABELS.valuesOf(source), []);
});

test("EndpointLabels.valuesOf() tells a thousand values of a pod's label apart, and counts the rest as one", () => {
  const labels = new EndpointLabels({ ...NOTHING, podLabels: { build: "build" } });
  const values = new Set<string>();
  for (let build = 0; build < 1013; build += 1) values.add(labels.valuesOf({ chosen: [`b-${build}`] })[0] ?? "");
  assert.equal(values.size, 1001);
  assert.ok(values.has("(other)"));
  assert.equal(labels.refusals, 13);
  assert.deepEqual(labels.valuesOf({ chosen: ["b-7"] }), ["b-7"]);
});

test("ExternalNames.answer() shows addresses up to the budget, under the same names", () => {
  const labels = new EndpointLabels({ ...NOTHING, externalAddresses: 2 });
  const names = new ExternalNames([{ cidr: "192.0.2.0/24", name: "partner" }], new Interner(), labels);
  const shown = (text: string) => {
    const endpoint = names.answer(address(text)).endpoint;
    return [endpoint?.workload, endpoint?.chosen?.[0]];
  };
  assert.deepEqual(shown("192.0.2.7"), ["partner", "192.0.2.7"]);
  assert.deepEqual(shown("2001:4860::1"), ["public", "2001:4860::1"]);
  assert.deepEqual(shown("192.0.2.8"), ["partner", "(other)"]);
  assert.equal(names.answer(address("192.0.2.7")), names.answer(address("192.0.2.7")), "interned");
});

test("Directory: a pod's zone is its node's, whichever is heard of first, and whoever asked hears of a change", () => {
  const version = new AnswerVersion();
  const labels = new EndpointLabels({ ...NOTHING, zone: true, podLabels: { team: "team" } });
  const directory = new Directory({ clock: () => 1_700_000_000_000, version, interner: new Interner(), labels });
  const chosen = () => directory.podAt(address("10.1.0.5"), 1_700_000_000_000)?.endpoint.chosen;
  directory.upsertPod(deploymentPod("web", { uid: "a", ips: ["10.1.0.5"], chosen: ["red"] }));
  assert.deepEqual(chosen(), ["", "red"]);
  const before = version.value;
  directory.upsertNode(node({ uid: "n", name: "node-1", zone: "z-1" }));
  assert.deepEqual(chosen(), ["z-1", "red"]);
  assert.ok(version.value > before);
  directory.upsertNode(node({ uid: "n", name: "node-1", zone: "z-2" }));
  directory.upsertPod(deploymentPod("web", { uid: "a", ips: ["10.1.0.5"], chosen: ["blue"] }));
  assert.deepEqual(chosen(), ["z-2", "blue"]);
  assert.deepEqual(directory.nodeNamed("node-1")?.endpoint.chosen, ["z-2", ""]);
});
