package io.github.lora4j.hub;

import com.google.gson.JsonArray;
import com.google.gson.JsonObject;
import io.github.lora4j.hub.HubException.Kind;
import java.io.IOException;
import java.net.URI;
import java.nio.channels.FileChannel;
import java.util.List;
import java.util.function.LongConsumer;

/**
 * A file that goes up in parts.
 *
 * @param size of every part but the last, bytes
 */
record Parts(PushCalls calls, HubSubject subject, UploadFile file, FileChannel channel, long size) {

  /** Sends all; the receipts that the store gives for them put them together. */
  JsonArray put(List<URI> addresses, LongConsumer meter) throws IOException {
    JsonArray receipts = new JsonArray();
    for (int i = 0; i < addresses.size(); i++) {
      long start = i * size;
      long length = Math.min(size, file.size() - start);
      HubRequest request =
          HubRequest.put(
              addresses.get(i),
              FileSlice.body(channel, start, length, sent -> meter.accept(start + sent)));
      JsonObject receipt = new JsonObject();
      receipt.addProperty("partNumber", i + 1);
      receipt.addProperty("etag", put(request));
      receipts.add(receipt);
    }
    return receipts;
  }

  private String put(HubRequest request) throws IOException {
    try (HubReply reply = calls.http().send(request)) {
      if (!reply.isOk()) {
        throw calls.http().failures().of(reply, subject.file(file.name()));
      }
      return reply
          .header("ETag")
          .filter(tag -> !tag.isEmpty())
          .orElseThrow(
              () ->
                  new HubException(
                      Kind.REFUSED, request + ": the store gives no ETag for a part of the file"));
    }
  }
}
