import { HOST } from "../lab/addressing.ts";
import { Lab } from "../lab/lab.ts";
import { ipvsMissing } from "../lab/proxy-ipvs.ts";
import { FrozenApi } from "./frozen-api.ts";
import { describeNat } from "./nat-suite.ts";

const missing = await ipvsMissing();
if (missing === undefined || process.env["GUEST_RESULTS_DIR"] !== undefined) {
  describeNat("the agents of two nodes and Services by IPVS", false, async () => {
    const lab = await Lab.up({ proxy: "ipvs", connectHost: true });
    const api = await FrozenApi.start(() => lab.objects());
    return { lab, kubeconfig: api.kubeconfig(HOST.v4), down: () => lab.down().then(() => api.stop()) };
  });
} else {
  // No skipped test: a kernel without IPVS has no traffic through it, and those that have it are in test/kernels.
  console.log(`No test of IPVS here: ${missing}; npm run test:kernels runs them.`);
}
