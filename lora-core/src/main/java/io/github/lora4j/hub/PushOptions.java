package io.github.lora4j.hub;

import java.util.Objects;
import java.util.Optional;

/**
 * What a push does beside sending files. The branch is {@link HubOptions#revision()}, the directory
 * within the repository {@link HubOptions#subfolder()}.
 *
 * <pre>{@code
 * PushOptions push = PushOptions.builder()
 *     .creation(PushOptions.Creation.PRIVATE).message("Train on v2 of the questions").build();
 * }</pre>
 *
 * @param creation whether the repository is made if it is missing, and who may see it
 * @param message summary of the commit, one line
 * @param description more about the commit; may be empty
 * @param pullRequest whether a pull request is opened instead of moving the branch
 * @param parentCommit the commit that the branch must still be at, if that matters
 * @since 0.1.0
 */
public record PushOptions(
    Creation creation,
    String message,
    String description,
    boolean pullRequest,
    Optional<String> parentCommit) {

  /** What happens to a repository that is missing; one that exists must be as asked for. */
  public enum Creation {
    /** Nothing: it must exist. */
    NONE,
    /** It is made; the settings of its owner on the hub decide who may see it. */
    OWNERS_DEFAULT,
    /** It is made for everybody to see. */
    PUBLIC,
    /** It is made for its owner to see. */
    PRIVATE
  }

  /**
   * Checks the texts.
   *
   * @throws IllegalArgumentException if the message is no line or the parent no full hash
   */
  public PushOptions {
    Objects.requireNonNull(creation, "creation");
    Objects.requireNonNull(description, "description");
    if (message.isBlank() || message.lines().count() > 1) {
      throw new IllegalArgumentException(
          "message must be one line, the rest stands in the description; got '%s'"
              .formatted(HubText.printable(message)));
    }
    if (parentCommit.filter(commit -> !HubPath.isCommit(commit)).isPresent()) {
      throw new IllegalArgumentException(
          "parentCommit must be a hash of 40 digits, got '%s'"
              .formatted(HubText.printable(parentCommit.orElseThrow())));
    }
  }

  /**
   * A new repository if it is missing, a commit on the branch.
   *
   * @return the options of PEFT's {@code push_to_hub}
   */
  public static PushOptions defaults() {
    return builder().build();
  }

  /**
   * Starts from the defaults.
   *
   * @return a builder
   */
  public static Builder builder() {
    return new Builder();
  }

  /** Collects options. */
  public static final class Builder {
    private Creation creation = Creation.OWNERS_DEFAULT;
    private String message = "Upload with lora4j";
    private String description = "";
    private boolean pullRequest;
    private Optional<String> parentCommit = Optional.empty();

    private Builder() {}

    /**
     * Sets what happens to a repository that is missing; {@link Creation#OWNERS_DEFAULT} if not
     * called.
     *
     * @param creation whether it is made
     * @return this
     */
    public Builder creation(Creation creation) {
      this.creation = creation;
      return this;
    }

    /**
     * Sets the summary of the commit.
     *
     * @param message one line
     * @return this
     */
    public Builder message(String message) {
      this.message = message;
      return this;
    }

    /**
     * Sets what more there is to say of the commit.
     *
     * @param description any number of lines
     * @return this
     */
    public Builder description(String description) {
      this.description = description;
      return this;
    }

    /**
     * Sets whether a pull request against {@code main} is opened; needs no right to write there.
     *
     * @param pullRequest false for a commit on the branch
     * @return this
     */
    public Builder pullRequest(boolean pullRequest) {
      this.pullRequest = pullRequest;
      return this;
    }

    /**
     * Refuses to push if somebody has pushed since.
     *
     * @param commit full hash of the commit that the branch must be at
     * @return this
     */
    public Builder parentCommit(String commit) {
      this.parentCommit = Optional.of(commit);
      return this;
    }

    /**
     * Checks the options.
     *
     * @return the options
     * @throws IllegalArgumentException if one cannot be used
     */
    public PushOptions build() {
      return new PushOptions(creation, message, description, pullRequest, parentCommit);
    }
  }
}
