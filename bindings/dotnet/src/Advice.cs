namespace TcAuth
{
    /// <summary>What to do about an answer. A later library can return numbers that are not named here.</summary>
    public enum Advice
    {
        /// <summary>The server had no objection to the authorization.</summary>
        Accepted = 0,

        /// <summary>Poll, sign and send again, once.</summary>
        Retry = 1,

        /// <summary>What was signed differs from what arrived, or the secret key is wrong.</summary>
        BadSignature = 2,

        /// <summary>The clocks are too far apart, and the answer gave no way to correct that.</summary>
        ClockSkew = 3,

        /// <summary>The server does not take the token, and it can't be renewed now.</summary>
        TokenRejected = 4,

        /// <summary>The access id is unknown, or has no right to what was asked for.</summary>
        AccessDenied = 5,

        /// <summary>The instance has no license for its API.</summary>
        NotLicensed = 6,

        /// <summary>The server refused the request and gave no known reason.</summary>
        Unknown = 7,
    }
}
