/** What is kept of pods beyond what Weir needs itself. */
export interface PodSelection {
  /** Keys of labels and annotations whose values are kept. */
  readonly labels: readonly string[];
  readonly annotations: readonly string[];
  /** Whether the labels `app.kubernetes.io/instance` and `…/name` name a pod's service where no annotation does. */
  readonly serviceLabels: boolean;
}

export const NO_SELECTION: PodSelection = Object.freeze({ labels: [], annotations: [], serviceLabels: false });
