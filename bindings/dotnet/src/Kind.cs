namespace TcAuth
{
    /// <summary>The kind of credentials of a handle. A later C library can return numbers that are not listed
    /// here.</summary>
    public enum Kind
    {
        /// <summary>Not used: an <see cref="Auth"/> never has this kind.</summary>
        None = 0,

        /// <summary>An access id and a secret key, which sign every request.</summary>
        Hmac = 1,

        /// <summary>An API token.</summary>
        Token = 2,
    }
}
