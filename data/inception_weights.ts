/** The weights of the network that the Fréchet Inception distance is defined by: a download, or a file of one's own. */
import { createHash } from "node:crypto";
import { exists } from "../base/files.ts";
import { decodeTorchFile, type StateDict } from "../base/torch_file.ts";
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

/** The weights of an Inception network. */
export interface InceptionWeights {
  /** By PyTorch's names. */
  readonly state: StateDict;
  /** Whether they are the published ones, byte by byte: only then is a distance the FID. */
  readonly arePublished: boolean;
}

/**
 * The weights that `path` holds, or the cache.
 *
 * @throws {Error} saying what to do, where there are none.
 */
export async function readInceptionWeights(path?: string): Promise<InceptionWeights> {
  const [published] = INCEPTION_SOURCE.files;
  const file = path ?? `${cacheFolder(INCEPTION_SOURCE.name)}/${published.name}`;
  if (!(await exists(file))) {
    throw new Deno.errors.NotFound(
      path === undefined
        ? "Cannot compute Inception features as their weights are not here: run `deno task fetch inception`, or give " +
          "--weights FILE"
        : `Cannot read ${path} as there is no such file: give --weights a file of PyTorch`,
    );
  }
  const bytes = await Deno.readFile(file), state = decodeTorchFile(bytes, file);
  if (!(state instanceof Map)) {
    throw new SyntaxError(`Cannot use ${file} as it must hold a state dict: it holds one tensor`);
  }
  return { state, arePublished: createHash("sha256").update(bytes).digest("hex") === published.sha256 };
}
