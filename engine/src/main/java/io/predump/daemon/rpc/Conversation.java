package io.predump.daemon.rpc;

import com.google.protobuf.InvalidProtocolBufferException;
import io.predump.criu.RpcTypes;
import io.predump.daemon.DaemonException;
import io.predump.daemon.ErrorCode;
import io.predump.linux.net.Deadline;
import io.predump.proto.CriuRequest;
import io.predump.proto.CriuResponse;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.Optional;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * All requests of one client, one after the other, as CRIU serves them: one, or more if it says
 * {@code keep_open}; after PRE_DUMP another, or a DUMP. A failure is answered, and ends it.
 */
final class Conversation {
  private static final Logger LOG = LoggerFactory.getLogger(Conversation.class);

  /** For the first request of who has connected. */
  private static final Duration FIRST_PATIENCE = Duration.ofSeconds(30);

  private final RpcService service;
  private final Caller caller;

  Conversation(RpcService service, Caller caller) {
    this.service = service;
    this.caller = caller;
  }

  /**
   * Serves until the client has what it wants, or is gone.
   *
   * @return whether all went well
   */
  boolean serve() {
    return serve(receive(Deadline.after(FIRST_PATIENCE)));
  }

  /** The same, if the first packet has been received. */
  boolean serve(ByteBuffer first) {
    try {
      return serve(Optional.of(CriuRequest.parseFrom(first)));
    } catch (InvalidProtocolBufferException e) {
      answerFailure(0, garbage(e));
      return false;
    }
  }

  private boolean serve(Optional<CriuRequest> first) {
    Optional<CriuRequest> request = first;
    while (request.isPresent()) {
      if (!answer(request.get())) {
        return false;
      }
      if (!request.get().getKeepOpen() && request.get().getType() != RpcTypes.PRE_DUMP) {
        return true;
      }
      request = receive(Deadline.NEVER);
    }
    return true;
  }

  private static IOException garbage(InvalidProtocolBufferException e) {
    return new DaemonException(ErrorCode.USAGE, "not a request of CRIU's RPC: " + e.getMessage());
  }

  private Optional<CriuRequest> receive(Deadline deadline) {
    try {
      return caller.receive(deadline);
    } catch (InvalidProtocolBufferException e) {
      answerFailure(0, garbage(e));
    } catch (IOException e) {
      LOG.debug("event=rpc-client-gone client={}", caller.pid(), e);
    }
    return Optional.empty();
  }

  private boolean answer(CriuRequest request) {
    int type = request.getType();
    try {
      boolean ours = service.isOurs(caller, request);
      if (ours && Requests.isPreDump(request)) {
        service.preDumps().serve(caller, request);
        caller.send(Responses.success(type));
        return true;
      }
      if (ours && type == RpcTypes.DUMP) {
        caller.send(service.dumps().serve(caller, request, service.criu()));
        return true;
      }
      boolean success;
      try (Relay relay = Relay.start(caller, service.criu())) {
        success = relay.serve(request, response -> service.changed(request, response)).getSuccess();
      }
      if (!success) {
        service.requestFailed(
            new DaemonException(ErrorCode.FAILURE, "criu refused a request of type " + type));
      }
      return success;
    } catch (IOException | RuntimeException e) {
      service.clientLog().failed(type, caller.pid(), e);
      answerFailure(type, e);
      return false;
    }
  }

  private void answerFailure(int type, Exception why) {
    CriuResponse response = Responses.failure(type, why);
    service.requestFailed(why);
    try {
      caller.send(response);
    } catch (IOException e) {
      LOG.debug("event=rpc-client-gone client={}", caller.pid(), e);
    }
  }
}
