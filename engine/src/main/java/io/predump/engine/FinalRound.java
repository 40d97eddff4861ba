package io.predump.engine;

import io.predump.images.RoundRecord;
import java.util.Optional;

/**
 * The last round of a session.
 *
 * @param record the round, committed
 * @param freeze how long the process stood still and for what
 * @param verify the comparison, absent if none was asked for
 * @param kept whether it is in the chain: a whole checkpoint that differs from memory is dropped,
 *     for nobody may restore it
 */
public record FinalRound(
    RoundRecord record, FreezeRecord freeze, Optional<VerifyResult> verify, boolean kept) {}
