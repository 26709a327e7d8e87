namespace TcAuth
{
    /// <summary>What a sealed token was, compared with the current one. A later C library can return numbers that are not
    /// listed here.</summary>
    public enum Unsealed
    {
        /// <summary>The same token, with the same expiry.</summary>
        Same = 0,

        /// <summary>Newer: it is the current token now. Or the same token with a later expiry.</summary>
        Adopted = 1,

        /// <summary>Older: it was ignored. Seal the current one and store it.</summary>
        Older = 2,
    }
}
