import type { Conntrack } from "../kernel/conntrack.ts";
import type { ConntrackAnswers } from "../kernel/conntrack-answers.ts";
import { type ConntrackTuple, ConntrackTuples } from "../kernel/conntrack-tuples.ts";

/** What connection tracking is asked about, and what an answer that it has says. */
export interface ConntrackQuestions<Question, Answer> {
  readonly direction: "original" | "reply";
  readonly tupleOf: (question: Question) => ConntrackTuple;
  readonly answerOf: (answers: ConntrackAnswers, index: number, question: Question) => Answer | undefined;
}

/** An answer for each question; undefined for what this node's connection tracking does not know, and beyond its budget. */
export async function askConntrack<Question, Answer>(
  conntrack: Conntrack,
  questions: readonly Question[],
  { direction, tupleOf, answerOf }: ConntrackQuestions<Question, Answer>,
): Promise<(Answer | undefined)[]> {
  const found = new Array<Answer | undefined>(questions.length).fill(undefined);
  const admitted = questions.flatMap((_, index) => (conntrack.admit() ? [index] : []));
  if (admitted.length === 0) return found;
  const tuples = new ConntrackTuples(conntrack.layout, admitted.length);
  for (const index of admitted) tuples.add(tupleOf(questions[index] as Question));
  const answers = await conntrack.lookup(tuples, direction);
  for (const [answer, index] of admitted.entries()) {
    if (answers.isFound(answer)) found[index] = answerOf(answers, answer, questions[index] as Question);
  }
  return found;
}
