namespace TcAuth
{
    /// <summary>What can be done with a token. A later C library can return numbers that are not listed here.</summary>
    public enum State
    {
        /// <summary>There is no token, but an access id and a secret key.</summary>
        None = 0,

        /// <summary>It is not due.</summary>
        Valid = 1,

        /// <summary>It is due: the next poll gives a ticket.</summary>
        Due = 2,

        /// <summary>It is being renewed.</summary>
        UnderWay = 3,

        /// <summary>It is due, but the next attempt comes only after a pause.</summary>
        Paused = 4,

        /// <summary>The server refused to renew it.</summary>
        Refused = 5,

        /// <summary>It begins with "APIV2:", or no API path is set.</summary>
        NotRenewable = 6,
    }
}
