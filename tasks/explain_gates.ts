/** `deno task explain-gates`: what an LSTM's and a GRU's gates can do, measured on cells whose gates are set by hand. */
import { gateFigures } from "../analysis/gates.ts";
import { configureExercise, exerciseFlags } from "../run/exercise.ts";
import { runTask } from "../run/task.ts";
import { writePage } from "../run/write_report.ts";
import { gateSections } from "./gate_sections.ts";

if (import.meta.main) {
  await runTask({
    name: "explain-gates",
    summary: "Measure what the gates of an LSTM and of a GRU can store, keep and forget.",
    flags: exerciseFlags,
    run: async (_flags, run) => {
      await configureExercise(run, { name: "cells", count: 2, content: "LSTM, GRU" });
      const figures = gateFigures(), { storeInput, keepState, heldOutput, special } = figures;
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
        sections: gateSections(figures),
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
