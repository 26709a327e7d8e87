namespace TcAuth
{
    /// <summary>What a handle proves its identity with. A later library can return numbers that are not named
    /// here.</summary>
    public enum Kind
    {
        /// <summary>No handle. An <see cref="Auth"/> never has this kind.</summary>
        None = 0,

        /// <summary>An access id and a secret key, which sign every request.</summary>
        Hmac = 1,

        /// <summary>An API token.</summary>
        Token = 2,
    }
}
