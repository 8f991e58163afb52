-- Whose a group of a stream is. What a group has delivered stands under one consumer, `annals`, whoever
-- receives it. Who may receive is another consumer of the group that never has an entry, and whose name is
-- the larger the later it came: `receiver-`, and microseconds of the server's clock.

local CONSUMER = 'annals'

-- The value of a field in a reply of XINFO.
local function field(reply, name)
    for place = 1, #reply, 2 do
        if reply[place] == name then
            return reply[place + 1]
        end
    end
end

-- The state of a group, if there is one.
local function state_of(stream, group)
    for _, state in ipairs(redis.call('XINFO', 'GROUPS', stream)) do
        if field(state, 'name') == group then
            return state
        end
    end
end

local function is_receiver(name)
    return string.sub(name, 1, 9) == 'receiver-'
end

-- The newest receiver, or an empty text.
local function newest(stream, group)
    local name_of_newest = ''
    for _, consumer in ipairs(redis.call('XINFO', 'CONSUMERS', stream, group)) do
        local name = field(consumer, 'name')
        if is_receiver(name) and name > name_of_newest then
            name_of_newest = name
        end
    end
    return name_of_newest
end

-- The first of the streams that has a newer receiver, and which one. Where this receiver was forgotten, by a
-- replica that took over too early, it is remembered again.
local function taken_over(streams, group, me)
    for _, stream in ipairs(streams) do
        local owner = newest(stream, group)
        if owner > me then
            return stream, owner
        elseif owner < me then
            redis.call('XGROUP', 'CREATECONSUMER', stream, group, me)
        end
    end
end
