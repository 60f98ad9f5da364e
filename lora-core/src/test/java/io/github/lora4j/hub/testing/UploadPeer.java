package io.github.lora4j.hub.testing;

import io.github.lora4j.hub.HubCommit;
import io.github.lora4j.hub.HubOptions;
import io.github.lora4j.hub.HubRepository;
import io.github.lora4j.hub.HubUploader;
import io.github.lora4j.hub.PushOptions;
import java.io.IOException;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;

/** The Java side of {@code tools/hub/check_upload.py}: a double to upload to, and our client. */
public final class UploadPeer {

  private UploadPeer() {}

  /**
   * Runs one side.
   *
   * @param args {@code serve PART_SIZE TOKEN USER}, which ends with its standard input; or {@code
   *     push ENDPOINT TOKEN DIRECTORY ID REVISION pr|commit}
   */
  public static void main(String[] args) throws IOException {
    if (args[0].equals("serve")) {
      serve(Long.parseLong(args[1]), args[2], args[3]);
    } else {
      push(args);
    }
  }

  private static void serve(long partSize, String token, String user) throws IOException {
    try (HubDouble hub = HubDouble.start()) {
      UploadRoutes.addTo(hub, partSize);
      hub.store().addUser(token, user);
      System.out.println(hub.endpoint());
      while (System.in.read() >= 0) {
        hub.requests().forEach(request -> System.out.println("request " + request));
        hub.failures().forEach(failure -> System.out.println("failure " + failure));
        hub.forgetRequests();
        System.out.println("end");
      }
    }
  }

  private static void push(String[] args) throws IOException {
    Path directory = Path.of(args[3]);
    List<String> names;
    try (Stream<Path> files = Files.walk(directory)) {
      names =
          files
              .filter(Files::isRegularFile)
              .map(file -> directory.relativize(file).toString())
              .sorted()
              .toList();
    }
    HubOptions options =
        HubOptions.builder(Map.of())
            .endpoint(URI.create(args[1]))
            .token(args[2])
            .revision(args[5])
            .build();
    PushOptions push =
        PushOptions.builder()
            .creation(PushOptions.Creation.PRIVATE)
            .message("Upload a folder")
            .pullRequest(args[6].equals("pr"))
            .build();
    HubCommit commit =
        HubUploader.of(options).push(HubRepository.model(args[4]), directory, names, push);
    System.out.println(
        String.join(
            " ",
            commit.repository().id(),
            commit.id(),
            commit.address().toString(),
            commit.pullRequest().map(URI::toString).orElse("-"),
            String.valueOf(commit.changed())));
  }
}
