/** `deno task explain-gates`: what an LSTM's and a GRU's gates can do, measured on cells whose gates are set by hand. */
import { gateFigures } from "../analysis/gates.ts";
import { configureExercise, exerciseFlags } from "../run/exercise.ts";
import { runTask } from "../run/task.ts";
import { writePage } from "../run/write_report.ts";

if (import.meta.main) {
  await runTask({
    name: "explain-gates",
    summary: "Measure what the gates of an LSTM and of a GRU can store, keep and forget.",
    flags: exerciseFlags,
    run: async (_flags, run) => {
      await configureExercise(run, { name: "cells", count: 2, content: "LSTM, GRU" });
      const { storeInput, keepState, heldOutput, special } = gateFigures();
      const lines = [
        `store the input, LSTM (f = 0, i = 1): depends on the state before by ${
          storeInput.lstm.toFixed(3)
        }; ` +
        `with o = 0 at the step before by ${storeInput.lstmOutputClosed}; ` +
        `without recurrent weights in the candidate by ${storeInput.lstmNoRecurrence}`,
        `store the input, GRU (z = 0, r = 0): depends on the state before by ${
          storeInput.gru.toExponential(1)
        }; ` +
        `with r = 1 by ${storeInput.gruResetOpen.toFixed(3)}`,
        ...keepState.map(({ bias, lstm, gru }) =>
          `keep the state, gates pushed by ${bias}: moved after 784 inputs by ${
            lstm.toPrecision(4)
          } (LSTM), ` +
          `${gru.toPrecision(4)} (GRU)`
        ),
        `while an LSTM holds its cell, its output is up to ${heldOutput.toFixed(3)} from it`,
        `a GRU puts out ${
          special.gru.map((value) => value.toFixed(1)).join(" and ")
        } after one step from 0; ` +
        `the largest output of 20,000 LSTM units is ${special.largestLstm.toFixed(6)}, below tanh(1) = ${
          special.bound.toFixed(6)
        }`,
        `an LSTM counts to ${special.countedTo.toFixed(3)} in ten steps; a GRU stays within -1..1`,
      ];
      for (const line of lines) run.note(line);
      await writePage(run, {
        title: "What the gates of an LSTM and of a GRU can do",
        abstract:
          "Can a cell just store its input, can it keep its state, and is one of the two cells a special case of " +
          "the other? Measured on cells of 8 units with random weights, whose gates are set by their biases.",
        sections: [
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
                text: "*LSTM*: yes, $f = 1$ and $i = 0$ keep the cell; the output is its tanh, " +
                  `up to ${
                    heldOutput.toFixed(3)
                  } away. *GRU*: yes, $z = 1$ keeps the state, and shows it. A sigmoid never is 1: ` +
                  `at bias 10 the states move by ${keepState[1].lstm.toFixed(3)} and ${
                    keepState[1].gru.toFixed(3)
                  } in 784 steps.`,
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
                `${
                  special.bound.toFixed(6)
                } in size, whatever its weights (the largest of 20,000 random units: ` +
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
        ],
      });
      await run.finish({
        metrics: {
          store_input_lstm: storeInput.lstm,
          store_input_gru: storeInput.gru,
          largest_lstm_output: special.largestLstm,
          gru_output: special.gru[0],
        },
        parameters: 0,
      });
      run.note(`see ${run.path("report.html")}`);
    },
  });
}
