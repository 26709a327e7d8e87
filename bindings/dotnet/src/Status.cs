namespace TcAuth
{
    /// <summary>
    /// Why a call failed. The numbers are those of the C library and never change. A later C library can return numbers
    /// that are not listed here. <see cref="Auth.StatusMessage"/> returns a sentence for each.
    /// </summary>
    public enum Status
    {
        /// <summary>It worked.</summary>
        Ok = 0,

        /// <summary>A pointer that must not be null is null. This binding throws ArgumentNullException
        /// instead.</summary>
        NullArgument = 1,

        /// <summary>The method is not an HTTP token of 1 to 64 characters.</summary>
        InvalidMethod = 2,

        /// <summary>The URI is neither a path that begins with / nor an absolute http or https URL, or it has a part
        /// that is not allowed here.</summary>
        InvalidUriForm = 3,

        /// <summary>The URI contains a control character, a space or a character outside ASCII.</summary>
        InvalidUriByte = 4,

        /// <summary>The access id is empty, or not all of it is visible ASCII.</summary>
        InvalidAccessId = 5,

        /// <summary>The secret key is empty, contains a control character such as a line break, or begins with a byte order mark.</summary>
        InvalidSecretKey = 6,

        /// <summary>The token is empty, or not all of it is visible ASCII.</summary>
        InvalidToken = 7,

        /// <summary>The time is before 1970, or 10^11 seconds or more after it.</summary>
        InvalidTime = 8,

        /// <summary>A buffer is too small. This binding then uses a larger one, so you do not get this status.</summary>
        BufferTooSmall = 9,

        /// <summary>The handle is of the other kind (HMAC or token).</summary>
        WrongKind = 10,

        /// <summary>The token has expired.</summary>
        TokenExpired = 11,

        /// <summary>The server refused to renew the token.</summary>
        RenewalRefused = 12,

        /// <summary>The response to the renewal is not one of the platform.</summary>
        RenewalBadResponse = 13,

        /// <summary>Another caller's renewal took longer than this caller wanted to wait.</summary>
        RenewalTimeout = 14,

        /// <summary>The value can be set only once and is already set.</summary>
        AlreadySet = 15,

        /// <summary>The source contains no complete credentials.</summary>
        NoCredentials = 16,

        /// <summary>The configuration is not well formed.</summary>
        ConfigSyntax = 17,

        /// <summary>The configuration file can't be read.</summary>
        ConfigIo = 18,

        /// <summary>The configuration file can't be decrypted.</summary>
        ConfigDecrypt = 19,

        /// <summary>The handle has no API path.</summary>
        ApiPathMissing = 20,

        /// <summary>The access id, the signature or the token is not the one expected.</summary>
        SignatureMismatch = 21,

        /// <summary>The request's timestamp is too far from the given time.</summary>
        TimestampOutOfRange = 22,

        /// <summary>The Authorization or the Timestamp header is missing or not well formed.</summary>
        MalformedAuthorization = 23,

        /// <summary>A number or a string is outside the documented range.</summary>
        InvalidArgument = 24,

        /// <summary>The URL has another scheme, host or port than the handle's API path.</summary>
        OtherOrigin = 25,

        /// <summary>The sealed token can't be opened, or this token can't be sealed.</summary>
        SealInvalid = 26,

        /// <summary>The sealed token has a version that this library does not know.</summary>
        SealVersion = 27,

        /// <summary>The shared directory can't be used, or the token could not be saved in it.</summary>
        StoreIo = 28,

        /// <summary>A bug in the C library: an internal check failed, and the call was stopped.</summary>
        Panic = 99,
    }
}
