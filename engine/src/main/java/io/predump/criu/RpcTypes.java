package io.predump.criu;

import io.predump.proto.CriuRequest;

/** Numbers and names of CRIU's RPC, see {@code rpc.proto}. */
public final class RpcTypes {
  public static final int DUMP = 1;
  public static final int RESTORE = 2;
  public static final int PRE_DUMP = 4;

  /** A stage told to the client, and the client's answer. */
  public static final int NOTIFY = 6;

  public static final int FEATURE_CHECK = 9;
  public static final int VERSION = 10;
  public static final int SINGLE_PRE_DUMP = 13;

  /** Stage: the tree still runs, and is about to be frozen. */
  static final String STAGE_PRE_DUMP = "pre-dump";

  /** Stage: the tree is frozen, the images are complete, CRIU waits for the answer. */
  static final String STAGE_POST_DUMP = "post-dump";

  private RpcTypes() {}

  /** {@return the answer to a notification} */
  public static CriuRequest answer(boolean well) {
    return CriuRequest.newBuilder().setType(NOTIFY).setNotifySuccess(well).build();
  }
}
