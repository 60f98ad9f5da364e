package io.github.lora4j.hub;

import java.net.URI;
import java.util.Objects;
import java.util.Optional;

/**
 * Where pushed files are.
 *
 * @param repository with its owner, also if the push named none
 * @param id full hash
 * @param address page of the commit
 * @param pullRequest page of the pull request, if one was opened
 * @param changed false if the hub had all files already, so that no commit was made and this is the
 *     one the branch is at
 * @since 0.1.0
 */
public record HubCommit(
    HubRepository repository, String id, URI address, Optional<URI> pullRequest, boolean changed) {

  /** Checks for null. */
  public HubCommit {
    Objects.requireNonNull(repository, "repository");
    Objects.requireNonNull(id, "id");
    Objects.requireNonNull(address, "address");
    Objects.requireNonNull(pullRequest, "pullRequest");
  }

  @Override
  public String toString() {
    return pullRequest.orElse(address).toString();
  }
}
