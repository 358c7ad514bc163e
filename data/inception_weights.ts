/** The weights of the network that the Fréchet Inception distance is defined by: a download, or a file of one's own. */
import { exists } from "../base/files.ts";
import { readTorchFile, type StateDict } from "../base/torch_file.ts";
import { cacheFolder, type RemoteSet } from "./source.ts";

/** TensorFlow's Inception network of 2015-12-05, as the PyTorch port of the distance publishes it. */
export const INCEPTION_SOURCE = {
  name: "inception",
  mirrors: ["https://github.com/mseitzer/pytorch-fid/releases/download/fid_weights/"],
  redirects: ["objects.githubusercontent.com", "release-assets.githubusercontent.com"],
  files: [{
    name: "pt_inception-2015-12-05-6726825d.pth",
    bytes: 95_628_359,
    sha256: "6726825d0af5f729cebd5821db510b11b1cfad8faad88a03f1befd49fb9129b2",
  }],
} as const satisfies RemoteSet;

/**
 * The weights that `path` holds, or the cache, by PyTorch's names.
 *
 * @throws {Error} saying what to do, where there are none.
 */
export async function readInceptionWeights(path?: string): Promise<StateDict> {
  const file = path ?? `${cacheFolder(INCEPTION_SOURCE.name)}/${INCEPTION_SOURCE.files[0].name}`;
  if (!(await exists(file))) {
    throw new Deno.errors.NotFound(
      path === undefined
        ? "Cannot compute Inception features as their weights are not here: run `deno task fetch inception`, or give " +
          "--weights FILE"
        : `Cannot read ${path} as there is no such file: give --weights a file of PyTorch`,
    );
  }
  const content = await readTorchFile(file);
  if (content instanceof Map) return content;
  throw new SyntaxError(`Cannot use ${file} as it must hold a state dict: it holds one tensor`);
}
