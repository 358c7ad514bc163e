import { onTheSphere } from "../../run/generated_images.ts";
import { close } from "../layers/check.ts";

Deno.test("halfway between two noises of equal length is as long as they are", () => {
  const a = Float32Array.of(3, 0, 0), b = Float32Array.of(0, 3, 0);
  close(onTheSphere(a, b, 0), a);
  close(onTheSphere(a, b, 1), b, 1e-6);
  close(onTheSphere(a, b, 0.5), [3 * Math.SQRT1_2, 3 * Math.SQRT1_2, 0]);
  close(onTheSphere(a, a, 0.5), a);
});
