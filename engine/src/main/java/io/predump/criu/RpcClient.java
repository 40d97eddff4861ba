package io.predump.criu;

import io.predump.proto.CriuResponse;
import java.io.IOException;

/** Whoever asked for a dump over CRIU's RPC, and listens to its stages. */
public interface RpcClient {
  /**
   * Tells a stage, and waits for the answer.
   *
   * @param stage CRIU's own notification
   * @return whether the client's part of it went well
   * @throws IOException if the client is gone, or does not answer: the dump fails
   */
  boolean notify(CriuResponse stage) throws IOException;
}
