namespace TcAuth
{
    /// <summary>What to do about a response. A later C library can return numbers that are not listed here.</summary>
    public enum Advice
    {
        /// <summary>The server had no objection to the authorization.</summary>
        Accepted = 0,

        /// <summary>Poll, sign and send the request once more.</summary>
        Retry = 1,

        /// <summary>The server received something else than was signed, or the secret key is wrong.</summary>
        BadSignature = 2,

        /// <summary>The clocks differ too much, and the response could not be used to correct this one.</summary>
        ClockSkew = 3,

        /// <summary>The server rejects the token, and it can't be renewed now.</summary>
        TokenRejected = 4,

        /// <summary>The access id is unknown, or has no permission for this request.</summary>
        AccessDenied = 5,

        /// <summary>The instance has no license for its API.</summary>
        NotLicensed = 6,

        /// <summary>The server refused the request for no known reason.</summary>
        Unknown = 7,
    }
}
