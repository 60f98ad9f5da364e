package io.github.lora4j.hub;

/**
 * What a request is about, for messages.
 *
 * @param repository whose
 * @param revision empty if none is meant
 * @param file empty if none is meant
 */
record HubSubject(HubRepository repository, String revision, String file) {

  static HubSubject of(HubRepository repository) {
    return new HubSubject(repository, "", "");
  }

  HubSubject at(String otherRevision) {
    return new HubSubject(repository, otherRevision, file);
  }

  HubSubject file(String name) {
    return new HubSubject(repository, revision, name);
  }

  @Override
  public String toString() {
    return repository
        + (revision.isEmpty() ? "" : " at '" + revision + "'")
        + (file.isEmpty() ? "" : ", file '" + file + "'");
  }
}
