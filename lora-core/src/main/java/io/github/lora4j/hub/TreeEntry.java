package io.github.lora4j.hub;

import java.util.Optional;

/**
 * A file as a listing has it.
 *
 * @param size of the content, bytes
 * @param blobId git's hash of what git holds: the content, or a pointer to it
 * @param sha256 the content's hash if large file storage keeps it
 * @param xetHash a name of the content for another way of transfer; kept for the cache's sake
 */
record TreeEntry(long size, String blobId, Optional<String> sha256, Optional<String> xetHash) {

  /** The hash that names the content in the cache and that it is checked against. */
  String etag() {
    return sha256.orElse(blobId);
  }
}
