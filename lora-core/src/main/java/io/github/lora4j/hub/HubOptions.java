package io.github.lora4j.hub;

import java.net.URI;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.function.Consumer;

/**
 * How to use the hub. What is not set is read from the environment variables that the hub's own
 * tools use, so a program finds the same cache, token and mirror as Python beside it:
 *
 * <pre>{@code
 * HubOptions options = HubOptions.builder().token(token).revision("v1.0").build();
 * }</pre>
 *
 * <ul>
 *   <li>token: {@code HF_TOKEN}, else the file {@code HF_TOKEN_PATH} or {@code HF_HOME/token}
 *   <li>endpoint: {@code HF_ENDPOINT}, else {@code https://huggingface.co}
 *   <li>cache: {@code HF_HUB_CACHE}, else {@code HF_HOME/hub}, else {@code
 *       ~/.cache/huggingface/hub}
 *   <li>offline: {@code HF_HUB_OFFLINE}
 *   <li>timeout: {@code HF_HUB_DOWNLOAD_TIMEOUT}, else 10 s
 * </ul>
 *
 * <p>The token is in no text that this gives, and is sent to the endpoint's own host only.
 *
 * @since 0.1.0
 */
public final class HubOptions {

  /** The branch that is meant where none is named. */
  static final String MAIN = "main";

  private final HubToken token;
  private final URI endpoint;
  private final boolean offline;
  private final String revision;
  private final String subfolder;
  private final Path cache;
  private final Consumer<HubProgress> progress;
  private final int parallelDownloads;
  private final int retries;
  private final Duration timeout;
  private final boolean links;
  private final HubTime time;

  private HubOptions(Builder builder) {
    HubEnvironment environment = builder.environment;
    this.token = builder.token.orElseGet(() -> HubToken.implicit(environment));
    this.endpoint = HubAddress.endpoint(builder.endpoint.orElseGet(environment::endpoint));
    this.offline = builder.offline.orElseGet(environment::offline);
    this.revision = builder.revision;
    this.subfolder = builder.subfolder;
    this.cache = builder.cache.orElseGet(environment::cache).toAbsolutePath().normalize();
    this.progress = builder.progress;
    this.parallelDownloads = builder.parallelDownloads;
    this.retries = builder.retries;
    this.timeout = builder.timeout.orElseGet(environment::timeout);
    this.links = environment.links();
    this.time = builder.time;
    if (parallelDownloads < 1) {
      throw new IllegalArgumentException(
          "parallelDownloads must be at least 1, got " + parallelDownloads);
    }
    if (retries < 0) {
      throw new IllegalArgumentException("retries must not be negative, got " + retries);
    }
    if (timeout.isNegative() || timeout.isZero()) {
      throw new IllegalArgumentException("timeout must be positive, got " + timeout);
    }
    HubPath.requireRevision(revision);
    if (!subfolder.isEmpty()) {
      HubPath.requireFile(subfolder);
    }
  }

  private HubOptions(HubOptions other, int retries) {
    this.token = other.token;
    this.endpoint = other.endpoint;
    this.offline = other.offline;
    this.revision = other.revision;
    this.subfolder = other.subfolder;
    this.cache = other.cache;
    this.progress = other.progress;
    this.parallelDownloads = other.parallelDownloads;
    this.retries = retries;
    this.timeout = other.timeout;
    this.links = other.links;
    this.time = other.time;
  }

  /**
   * Starts from the environment of this process.
   *
   * @return a builder
   */
  public static Builder builder() {
    return builder(System.getenv());
  }

  /**
   * Starts from other variables than those of this process, e.g. none at all.
   *
   * @param environment variables by name, such as {@code HF_HOME}
   * @return a builder
   */
  public static Builder builder(Map<String, String> environment) {
    return new Builder(new HubEnvironment(environment));
  }

  HubToken token() {
    return token;
  }

  /**
   * The hub's address.
   *
   * @return without a slash at its end
   */
  public URI endpoint() {
    return endpoint;
  }

  /**
   * Whether the network is not to be used.
   *
   * @return true if only the cache is
   */
  public boolean offline() {
    return offline;
  }

  /**
   * The branch, tag or commit to take.
   *
   * @return {@code main} unless set
   */
  public String revision() {
    return revision;
  }

  /**
   * The directory within the repository that holds the files.
   *
   * @return empty for the repository's root
   */
  public Optional<String> subfolder() {
    return Optional.of(subfolder).filter(s -> !s.isEmpty());
  }

  /**
   * The directory of the cache, {@code …/hub}.
   *
   * @return absolute
   */
  public Path cache() {
    return cache;
  }

  /**
   * Who is told how far a transfer is.
   *
   * @return does nothing unless set
   */
  public Consumer<HubProgress> progress() {
    return progress;
  }

  /**
   * How many files are loaded at once.
   *
   * @return 8 unless set
   */
  public int parallelDownloads() {
    return parallelDownloads;
  }

  /**
   * How often a request is repeated that failed for a reason that may pass.
   *
   * @return 5 unless set
   */
  public int retries() {
    return retries;
  }

  /**
   * How long the other side may be silent.
   *
   * @return positive
   */
  public Duration timeout() {
    return timeout;
  }

  /** The same with another patience. */
  HubOptions withRetries(int other) {
    return new HubOptions(this, other);
  }

  boolean links() {
    return links;
  }

  HubTime time() {
    return time;
  }

  @Override
  public String toString() {
    return "HubOptions[endpoint=%s, revision=%s, subfolder=%s, cache=%s, offline=%s, %s]"
        .formatted(endpoint, revision, subfolder, cache, offline, token);
  }

  /** Collects options. */
  public static final class Builder {
    private final HubEnvironment environment;
    private Optional<HubToken> token = Optional.empty();
    private Optional<URI> endpoint = Optional.empty();
    private Optional<Boolean> offline = Optional.empty();
    private Optional<Path> cache = Optional.empty();
    private Optional<Duration> timeout = Optional.empty();
    private String revision = MAIN;
    private String subfolder = "";
    private Consumer<HubProgress> progress = state -> {};
    private int parallelDownloads = 8;
    private int retries = 5;
    private HubTime time = HubTime.SYSTEM;

    private Builder(HubEnvironment environment) {
      this.environment = environment;
    }

    /**
     * Sets the token; from the environment if not called.
     *
     * @param token as the hub gave it out
     * @return this
     * @throws IllegalArgumentException if it has characters that no token has
     */
    public Builder token(String token) {
      this.token = Optional.of(HubToken.of(token, environment));
      return this;
    }

    /**
     * Uses no token, whatever the environment has.
     *
     * @return this
     */
    public Builder anonymous() {
      this.token = Optional.of(HubToken.none(environment));
      return this;
    }

    /**
     * Sets the hub's address; from the environment if not called.
     *
     * @param endpoint e.g. of a mirror; http or https
     * @return this
     */
    public Builder endpoint(URI endpoint) {
      this.endpoint = Optional.of(endpoint);
      return this;
    }

    /**
     * Sets whether only the cache is used; from the environment if not called.
     *
     * @param offline true to open no connection
     * @return this
     */
    public Builder offline(boolean offline) {
      this.offline = Optional.of(offline);
      return this;
    }

    /**
     * Sets what to take; {@code main} if not called. A full commit hash whose files are cached
     * needs no connection.
     *
     * @param revision branch, tag or commit
     * @return this
     */
    public Builder revision(String revision) {
      this.revision = Objects.requireNonNull(revision, "revision");
      return this;
    }

    /**
     * Sets the directory within the repository; its root if not called.
     *
     * @param subfolder names joined by {@code /}
     * @return this
     */
    public Builder subfolder(String subfolder) {
      this.subfolder = Objects.requireNonNull(subfolder, "subfolder");
      return this;
    }

    /**
     * Sets the directory of the cache; from the environment if not called.
     *
     * @param cache is made if it is missing
     * @return this
     */
    public Builder cache(Path cache) {
      this.cache = Optional.of(cache);
      return this;
    }

    /**
     * Sets who is told how far a transfer is. Called from threads of the transfer, one at a time,
     * some times a second and at its end.
     *
     * @param progress returns soon
     * @return this
     */
    public Builder progress(Consumer<HubProgress> progress) {
      this.progress = Objects.requireNonNull(progress, "progress");
      return this;
    }

    /**
     * Sets how many files are loaded at once; 8 if not called.
     *
     * @param parallelDownloads 1 at least
     * @return this
     */
    public Builder parallelDownloads(int parallelDownloads) {
      this.parallelDownloads = parallelDownloads;
      return this;
    }

    /**
     * Sets how often a request is repeated that failed for a reason that may pass; 5 if not called.
     *
     * @param retries 0 to give up at once
     * @return this
     */
    public Builder retries(int retries) {
      this.retries = retries;
      return this;
    }

    /**
     * Sets how long the other side may be silent; from the environment if not called.
     *
     * @param timeout positive
     * @return this
     */
    public Builder timeout(Duration timeout) {
      this.timeout = Optional.of(timeout);
      return this;
    }

    /** Replaces the machine's time in tests. */
    Builder time(HubTime time) {
      this.time = time;
      return this;
    }

    /**
     * Checks the options.
     *
     * @return the options
     * @throws IllegalArgumentException if one cannot be used
     */
    public HubOptions build() {
      return new HubOptions(this);
    }
  }
}
