/** A user's module, with nothing but what the README names. */
module consumer {
    requires io.github.tcauth;
}
