/**
 * Downloads a data set into the cache: mirrors in turn, resumed where an earlier attempt stopped, known by its
 * SHA-256, and moved into place only when it is whole.
 */

/** A file to download. */
export interface RemoteFile {
  readonly name: string;
  readonly bytes: number;
  /** Hexadecimal SHA-256 of the file as it is downloaded. */
  readonly sha256: string;
}

/** A data set to download. */
export interface RemoteSet {
  readonly name: string;
  /** Folders that all hold the same files, each with its last slash, tried in turn. */
  readonly mirrors: readonly string[];
  readonly files: readonly RemoteFile[];
}

/** How far the download of one file is. */
export interface FetchProgress {
  readonly file: string;
  readonly received: number;
  readonly total: number;
}

/** What a download may be told. */
export interface FetchOptions {
  /** Absent: the cache folder of the set. */
  readonly folder?: string;
  readonly onProgress?: (progress: FetchProgress) => void;
  /** What makes the requests. Absent: the global `fetch`. */
  readonly request?: (url: string, init: { readonly headers: Record<string, string> }) => Promise<Response>;
}

/** Where a downloaded data set lies. */
export function cacheFolder(name: string): string {
  return `.cache/data/${name}`;
}
