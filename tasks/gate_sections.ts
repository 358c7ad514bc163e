/** What the gates of an LSTM and of a GRU can do, question by question, with the figures that were measured. */
import type { GateFigures } from "../analysis/gates.ts";
import type { Section } from "../report/html.ts";

/** The cells, and the three questions, each answered for both. */
export function gateSections(
  { storeInput, keepState, heldOutput, special }: GateFigures,
): Section[] {
  return [
    {
      title: "The cells",
      blocks: [
        {
          kind: "formula",
          formula: "c_t = f_t c_{t-1} + i_t g_t, h_t = o_t \\text{tanh}(c_t)",
          text: "LSTM: $g_t$ is tanh of $W x_t + U h_{t-1} + b$.",
        },
        {
          kind: "formula",
          formula: "h_t = z_t h_{t-1} + (1 - z_t) n_t",
          text: "GRU: $n_t$ is tanh of $W x_t + U (r_t h_{t-1}) + b$.",
        },
      ],
    },
    {
      title: "Just store the current input",
      blocks: [
        {
          kind: "paragraph",
          text:
            "*LSTM*: not by its gates at this step. $f = 0$ and $i = 1$ replace the cell by the candidate, which still " +
            `sees the output before: two states before leave cells that differ by up to ${
              storeInput.lstm.toFixed(3)
            }. ` +
            `It works if the output gate of the step before was closed (difference ${storeInput.lstmOutputClosed}) or the ` +
            `candidate has no recurrent weights (${storeInput.lstmNoRecurrence}).`,
        },
        {
          kind: "paragraph",
          text:
            `*GRU*: yes, $z = 0$ and $r = 0$. Two states before differ afterwards by ${
              storeInput.gru.toExponential(1)
            }, ` +
            `with an open reset gate by ${
              storeInput.gruResetOpen.toFixed(3)
            }. In both cells tanh of an affine map of the input is stored.`,
        },
      ],
    },
    {
      title: "Keep the state, ignore the input",
      blocks: [
        {
          kind: "paragraph",
          text:
            "*LSTM*: yes, $f = 1$ and $i = 0$ keep the cell, whatever comes in. What it shows meanwhile is " +
            `$o \\text{tanh}(c)$, up to ${heldOutput.toFixed(3)} away from what it holds.`,
        },
        {
          kind: "paragraph",
          text:
            "*GRU*: yes, $z = 1$ keeps the state, whatever the reset gate does; it cannot hold without showing. " +
            "In both a sigmoid never is 1: at bias 10 what is held moves by " +
            `${keepState[1].lstm.toFixed(3)} (LSTM) and ${keepState[1].gru.toFixed(3)} (GRU) in 784 steps.`,
        },
        {
          kind: "table",
          table: {
            columns: ["Bias of the gates", "LSTM", "GRU"],
            rows: keepState.map(({ bias, lstm, gru }) => [bias, lstm, gru]),
            caption: "Largest change of what is held after 784 random inputs.",
          },
        },
      ],
    },
    {
      title: "Is a GRU a special case of an LSTM?",
      blocks: [{
        kind: "paragraph",
        text: "No. After one step from 0 an LSTM's output is below tanh(1) = " +
          `${special.bound.toFixed(6)} in size, whatever its weights (the largest of 20,000 random units: ` +
          `${special.largestLstm.toFixed(6)}); a GRU with closed gates puts out ${
            special.gru[0].toFixed(1)
          } for the ` +
          `input 1 and ${
            special.gru[1].toFixed(1)
          } for -1. And no gate of an LSTM acts on the output before inside the ` +
          "candidate alone, as the reset gate does. Nor is an LSTM a special case of a GRU: its cell counts to " +
          `${special.countedTo.toFixed(3)} in ten steps, where a GRU stays within -1..1.`,
      }],
    },
  ];
}
