package io.github.lora4j.hub;

import java.io.IOException;
import java.nio.file.Path;
import java.util.List;

/**
 * Uploads to the hub, all files in one commit.
 *
 * <pre>{@code
 * HubCommit commit = HubUploader.of(HubOptions.builder().token(token).build())
 *     .push(HubRepository.model("me/squad"), Path.of("squad"),
 *         List.of("adapter_config.json", "adapter_model.safetensors"), PushOptions.defaults());
 * }</pre>
 *
 * <p>Small files go inside of the commit, large ones before it to the store that the hub names,
 * which does not get the token. What the hub has already is not sent. Requests that fail for a
 * reason that may pass are repeated as the options say; a commit is never made twice, even if the
 * hub's answer is lost. Safe for use from many threads.
 *
 * @since 0.1.0
 */
public final class HubUploader {

  private final HubOptions options;
  private final HubHttp http;

  private HubUploader(HubOptions options) {
    this.options = options;
    this.http = new HubHttp(options);
  }

  /**
   * An uploader. Opens nothing yet.
   *
   * @param options how to use the hub; their revision is the branch, their subfolder where the
   *     files go in the repository
   * @return the uploader
   */
  public static HubUploader of(HubOptions options) {
    return new HubUploader(options);
  }

  /**
   * Commits files. If that fails, the branch is as it was and the files stay where they are; the
   * message says so, and what to repeat.
   *
   * @param repository its id may lack the owner: that is whom the token belongs to
   * @param directory the files are in
   * @param files names below the directory, joined by {@code /}
   * @param push what else to do
   * @return the commit; if the hub has all files already, the one that the branch is at
   * @throws HubException if the hub does not take them
   * @throws java.io.InterruptedIOException if the thread was interrupted
   * @throws IOException if a file cannot be read, or is written to meanwhile
   * @throws IllegalArgumentException if a name leads out of the directory, the revision is a
   *     commit, or a pull request is asked for against another branch than {@code main}
   */
  public HubCommit push(
      HubRepository repository, Path directory, List<String> files, PushOptions push)
      throws IOException {
    return new HubPush(http, options, push, directory, repository).run(files);
  }
}
